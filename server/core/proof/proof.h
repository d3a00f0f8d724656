// SPDX-License-Identifier: Apache-2.0
// The proof room: what is asked of miners and verifiers, verdicts, and whose
// credit matures or is void. Called by the pool alone.
#ifndef ARCHPOOL_SERVER_CORE_PROOF_PROOF_H_
#define ARCHPOOL_SERVER_CORE_PROOF_PROOF_H_

#include <vector>

#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/state/step.h"

namespace archpool::proof {

absl::StatusOr<RevealSegment::Reply> Execute(Step& step,
                                             const RevealSegment& command);
absl::StatusOr<ConfirmUpload::Reply> Execute(Step& step,
                                             const ConfirmUpload& command);
absl::StatusOr<ReviewTrials::Reply> Execute(Step& step,
                                            const ReviewTrials& command);
absl::StatusOr<AcquireAudit::Reply> Execute(Step& step,
                                            const AcquireAudit& command);
absl::StatusOr<RenewAudit::Reply> Execute(Step& step,
                                          const RenewAudit& command);
absl::StatusOr<ReportAudit::Reply> Execute(Step& step,
                                           const ReportAudit& command);
absl::StatusOr<VoidTrial::Reply> Execute(Step& step, const VoidTrial& command);
absl::StatusOr<ReviewVerifiers::Reply> Execute(Step& step,
                                               const ReviewVerifiers& command);

// Trials of open tasks that were trained in an arithmetic that was replaced:
// their audits close, and they are accepted on what a verifier saw or is asked
// to make of their weights, or else paid as what none decided. Nobody loses by
// it. Changes nothing the second time.
void JudgeReplaced(Step& step);

// Whether a trial just committed is audited; a candidate for the front, and
// what is at chance, always is, and is measured in full.
void Draw(Step& step, Trial trial, bool measures_all);
// What the pool wants of a trial whose report it took.
void SayWhatIsWanted(const Step& step, ReportTrials::Result& result);

// Voids credit of convicted accounts and has that of doubted ones examined, as
// much as the command still may. False: there was nothing to do.
bool JudgeSome(Step& step);

// What was asked of a trial never came: its weights.
void CloseUpload(Step& step, Trial trial);
// The audit's time is over: its miner's, its verifiers', or that of the one
// that has it.
void CloseAudit(Step& step, const Audit& audit);

// A sign of life of an account that was away when answers were due: it has from
// now on what an answer is given.
void NoteReturn(Step& step, AccountId account);
// What is waited for of accounts that are away is not waited for much longer:
// the task begins to finish, and they have credit in it.
void EndWaits(Step& step, TaskId task);
// Likewise at once, since somebody got no work for it; or where nothing else of
// the task's trials is under way.
void GiveUpAway(Step& step, TaskId task);
void GiveUpLastAway(Step& step, TaskId task);
// What could not mature while the account was away.
void MatureAfterAbsence(Step& step, AccountId account);

// Asks for a segment of what would advance to the next rung and was taken at
// its word: a promotion counts after its audit. What has matured is replayed
// whole.
void AskPromotable(Step& step, TaskId task);
// Asks, as a task begins to finish, for the short last blocks of accounts that
// no longer work for it, while others' audits are under way; a bounded number.
void AskShortBlocks(Step& step, TaskId task);
// What is still to be examined before a task without open verdicts can end:
// the short last blocks, and candidates for the front that were never measured.
// Looks at a bounded number of trials, from where it was. False: there are
// more.
bool LookForLastSegments(const Step& step, TaskId task, Settling& settling);
// Asks for what was found, a bounded number. False: nothing.
bool AskLastSegments(Step& step, const Settling& settling);
// Where miners are the operator's own: which networks the front has by their
// claims. Looks at a bounded number of trials, from where it was. False: there
// are more.
bool LookForOwnFront(const Step& step, TaskId task, Settling& settling);
// Asks for those that were not measured, as far as audits may go. False:
// nothing.
bool AskOwnFront(Step& step, TaskId task, const Settling& settling);
// And of what the task would end with, what was not replayed in full, with all
// that it grew from. False: nothing.
bool AskUnproven(Step& step, const std::vector<Trial>& finalists);
// One finalist's replay that no verifier decided in time is enough: the others
// that are unproven do not win either. Else each would uncover the next, and
// the task's end would be as many waits away. False: none is.
bool BarUnproven(Step& step, const std::vector<Trial>& finalists);

}  // namespace archpool::proof

#endif  // ARCHPOOL_SERVER_CORE_PROOF_PROOF_H_
