// SPDX-License-Identifier: Apache-2.0
// What the proof room's files share.
#ifndef ARCHPOOL_SERVER_CORE_PROOF_PARTS_H_
#define ARCHPOOL_SERVER_CORE_PROOF_PARTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/core/commands/commands.h"
#include "server/core/state/step.h"

namespace archpool::proof {

// Who is to blame for a rejection.
enum class Fault {
  kNone,   // unpaid, and held against nobody
  kDoubt,  // perhaps nobody's: but everything that has not matured is examined
  kMiner,  // that, and it counts towards suspension
  kFraud,  // that, and all credit that has not matured is void
};

// A verdict that accepts: standing, maturity. A trial that was accepted before
// is so on a better basis now.
void AcceptTrial(Step& step, Trial trial, TrialBasis basis);
// A verdict, or a deadline, that rejects.
void RejectTrial(Step& step, Trial trial, const std::string& reason,
                 Fault fault);
// Accepts what a verifier found true.
ReportAudit::Reply AcceptSeen(Step& step, Trial trial, bool was_replayed_whole);

// Looking at a trial is so much cheaper than writing it.
inline constexpr int64_t kLooksPerWrite = 4;

// What an account committed and has not matured, in one task.
using Immature = absl::btree_set<std::pair<absl::Time, TrialId>>;
// The first that is not void, where that is still to be written.
Immature::const_iterator FirstNotVoid(const PoolState& state, AccountId account,
                                      const Immature& immature);
// All of that is void; all that was taken without a check is examined. By ticks
// what the command may not do any more.
void VoidCredit(Step& step, AccountId account);
void AskImmature(Step& step, AccountId account);
// One trial of it. REQUIRES: it is not rejected.
void VoidOne(Step& step, const Trial& trial);

// Asks the miner to reveal the segment that was drawn for the trial.
void AskSegment(Step& step, const Trial& trial, bool measures_all);
// Asks verifiers what its weights come to: nothing else can be examined.
void AskEvaluation(Step& step, const Trial& trial);
// The trial's evaluation did not bear it out, or never came. It is held against
// nobody: what is not paid yet is, and it does not win.
void EndInconclusive(Step& step, Trial trial);
// What was asked of the trial is due, and its miner's account is away.
void CloseAway(Step& step, const Trial& trial);
// Whether the pool replayed the trial because its miner was away, and has no
// weights of it: it is paid, and nobody could be given what it found.
bool LacksWeights(const PoolState& state, const Trial& trial);
// An audit waits for verifiers from now on, until the policy decides.
void AwaitVerifiers(const PoolState& state, const PoolPolicy& policy,
                    Audit& audit, absl::Time now);
// Back to the verifiers.
void ReturnAudit(Step& step, Audit audit);
// The trial's open audit is done, if it has one.
void EndAudit(Step& step, TrialId trial);
// No verifier decided the audit in time: the operator's policy does, unless
// verifiers work and may come to it yet.
void CloseUnverified(Step& step, const Audit& audit);

// A verifier found its trial, as it would be rejected, false: it is once
// another, or a recomputation, says so too.
ReportAudit::Reply Blame(Step& step, Audit audit, Trial trial,
                         const std::string& reason);
// A verifier found its trial true: nullopt where that decides.
std::optional<ReportAudit::Reply> Clear(Step& step, const Audit& found,
                                        const Trial& trial);
// A verifier could not tell.
ReportAudit::Reply Fail(Step& step, Audit audit, const std::string& reason);
// A verifier found that the pool's own two evaluations differ.
ReportAudit::Reply RaiseAlarm(Step& step, Audit audit);
// Notes of the verifiers that raised an alarm at this audit that `finder` has
// reached a finding about it.
void NoteFoundDespiteAlarm(Step& step, const Audit& audit,
                           const VerifierKey& finder);
// The audit ends where nobody but the pool is to blame: what is not paid yet
// is, as what no verifier decided, and the trial does not win.
void EndAlarmed(Step& step, const Audit& audit);
// Puts down what the audit's holder found: one look of a kind for each of them,
// and a vote replaces its earlier one.
AuditLook& NoteLook(Audit& audit, LookKind kind, const std::string& reason,
                    absl::Time now);

}  // namespace archpool::proof

#endif  // ARCHPOOL_SERVER_CORE_PROOF_PARTS_H_
