// Steps that several commands share. For server/core's own files alone.
#ifndef ARCHPOOL_SERVER_CORE_POOL_INTERNAL_H_
#define ARCHPOOL_SERVER_CORE_POOL_INTERNAL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/core/commands/commands.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"
#include "server/core/state/pool_state.h"

namespace archpool::internal {

struct Seeker;  // server/core/pool_parts.h

// The caller's open session. NOT_FOUND (SESSION_UNKNOWN).
absl::StatusOr<Session> OwnSession(const PoolState& state, AccountId caller,
                                   SessionId session);

// Ends an active lease: uncommitted trials are abandoned, its subspace opens
// where no other lease is on it. `counts` says whether what it leaves behind
// counts in the account's standing.
void EndLease(PoolState& state, const Lease& lease, LeaseState end, bool counts,
              absl::Time now);

// Ends the lease where nothing of its list is left to commit.
void CompleteIfIdle(PoolState& state, const Lease& lease, absl::Time now);

// `committed` came in under `lease`: whoever else trains that network under the
// same primary's name may stop.
void Supersede(PoolState& state, const PoolPolicy& policy, Lease lease,
               const Trial& committed, absl::Time now);

// An open box whose every architecture was accepted is completed.
void CompleteIfDone(PoolState& state, SubspaceId box);

// A completed box one of whose results was void is open again.
void ReopenIfCompleted(PoolState& state, SubspaceId box);

// Splits `choices` of `dimension` off a box, in place; the new box is open.
// REQUIRES: some of the box's choices, not all.
SubspaceId SplitBox(PoolState& state, SubspaceRecord box, int64_t dimension,
                    uint64_t choices);

// Splits an open box where its results differ most between the choices of one
// dimension, if they do: work goes on in the better part. False: nothing to
// gain, or too few results.
bool SplitByResults(PoolState& state, const PoolPolicy& policy, SubspaceId box);

// Splits the part with `candidate` off a leased box, as large as the list in
// progress allows; an unset id where the two cannot be told apart.
SubspaceId StealBox(PoolState& state, const PoolPolicy& policy, SubspaceId box,
                    const Architecture& candidate);

// Prunes an open box whose results say that it will not hold the task's best.
bool PruneIfHopeless(PoolState& state, const PoolPolicy& policy,
                     SubspaceId box);

// ALREADY_EXISTS (REQUEST_ID_REUSED): `made` was made under the same request id
// for something else.
absl::Status RequestIdReused(const std::string& made);

// A verdict that accepts: standing, maturity; ends the task where it met its
// goal. A trial that was accepted before is so on a better basis now.
void AcceptTrial(PoolState& state, const PoolPolicy& policy, Trial trial,
                 TrialBasis basis, absl::Time now);

// The account gets no more leases; its running ones are revoked.
void Suspend(PoolState& state, AccountId account, absl::Time now);

// Whose fault a rejection is.
enum class Fault {
  kNone,   // unpaid, and held against nobody
  kDoubt,  // perhaps nobody's: but everything that has not matured is looked at
  kMiner,  // that, and it counts towards suspension
  kFraud,  // that, and all credit that has not matured is void
};

// A verdict, or a deadline, that rejects.
void RejectTrial(PoolState& state, const PoolPolicy& policy, Trial trial,
                 const std::string& reason, Fault fault, absl::Time now);

// An audit waits for verifiers from now on, until the policy decides.
void AwaitVerifiers(const PoolState& state, const PoolPolicy& policy,
                    Audit& audit, absl::Time now);

// The trial's open audit is done, if it has one.
void CloseAudit(PoolState& state, TrialId trial);

// Whether the trial's result, as measured or else as claimed, is better than a
// guess.
bool IsAboveChance(const PoolState& state, const Trial& trial);

// Ends an active task in which nothing learns: enough results were measured,
// all of them at chance, and of more accounts than one where there are more.
// False: it goes on.
// ACCOUNT_SUSPENDED: what it holds, and where that is to go, stays as it is.
absl::Status CheckMayMoveMoney(const Account& account);

// Whether the task would end because nothing learns if what its miners claim to
// be at chance is found to be: until that is known, nothing more of it is
// trained.
bool AwaitsMeasurements(const PoolState& state, const PoolPolicy& policy,
                        TaskId task);

bool EndIfNothingLearns(PoolState& state, const PoolPolicy& policy, TaskId task,
                        absl::Time now);

// Whether a trial's weights are wanted even if it is not drawn: the next rung
// may go on from them.
bool WantsWeights(const Recipe& recipe, const Trial& trial);

// Weights are float32 per parameter and buffer, and a header.
int64_t WeightsSizeMaxBytes(const Trial& trial);

// About how many bytes these parts of an answer (AuditPart) are; as many for
// each as the trial's weights take.
int64_t AnswerSizeBytes(const Trial& trial, int64_t parts);

// By when `parts` of a trial must be here if they are asked for now: what else
// is asked of its worker goes over the same line, and its checkpoints may be
// lost, and take a training to make again.
absl::Time AnswerDeadline(const PoolState& state, const PoolPolicy& policy,
                          const Trial& trial, int64_t parts, absl::Time now);
// How long that is, with so much asked before.
absl::Duration AnswerTime(const PoolState& state, const PoolPolicy& policy,
                          const Trial& trial, int64_t parts,
                          const AskedLoad& before);

// The pool was away from `last` on for `away`: every open deadline moves by it.
void AddToDeadlines(PoolState& state, absl::Time last, absl::Duration away);

// Asks the miner to lay open the segment that was drawn for the trial.
void AskSegment(PoolState& state, const PoolPolicy& policy, const Trial& trial,
                bool measures_all, absl::Time now);

// Asks, as a task begins to finish, for the short last blocks of accounts that
// no longer work for it, while others' audits are under way; a bounded number.
void AskShortBlocks(PoolState& state, const PoolPolicy& policy, TaskId task,
                    absl::Time now);

// What is still to be looked at before a task without open verdicts can end:
// the short last blocks, and candidates for the front that were never measured.
// False: nothing.
bool AskLastSegments(PoolState& state, const PoolPolicy& policy, TaskId task,
                     absl::Time now);

// And of what the task would end with, what was not replayed in full, with all
// that it grew from. False: nothing.
bool AskUnproven(PoolState& state, const PoolPolicy& policy,
                 const std::vector<Trial>& finalists, absl::Time now);

// One finalist's replay that no verifier decided in time is enough: the others
// that are unproven do not win either. Else each would uncover the next, and
// the task's end would be as many waits away. False: none is.
bool BarUnproven(PoolState& state, const std::vector<Trial>& finalists);

// The accepted trial's credit matures: from now on it is owed.
void Credit(PoolState& state, const PoolPolicy& policy, TrialId trial);

// A trial that is about to be rejected although its credit had matured: its
// account is owed that much less. What it was paid through the window already,
// which nobody can take back.
Amount TakeCreditBack(PoolState& state, const Trial& trial);

// An active task gives no more leases. The training that each worker is at may
// still be committed until its lease's deadline, from the units reserved for
// it; what is not begun is given up. Settles the task at once where nothing is
// awaited.
void BeginFinishing(PoolState& state, const PoolPolicy& policy, TaskId task,
                    EndReason reason, absl::Time now);

// Ends a finishing task whose verdicts are all in: the reward is split. One of
// more trials than a step takes is left to the ticks.
void SettleIfDone(PoolState& state, const PoolPolicy& policy, TaskId task,
                  absl::Time now);

// The next step of that, of a task of any size. False: there is nothing more to
// do now.
bool SettleStep(PoolState& state, const PoolPolicy& policy, TaskId task,
                absl::Time now);

// Whether the worker is expected to train so much before the task's time is
// over.
bool FitsInTime(const PoolState& state, const PoolPolicy& policy,
                const Task& task, const Session& session, WorkUnits units,
                absl::Time now);

// SettleIfDone for the finishing tasks, as many as a step takes.
void SettleFinishing(PoolState& state, const PoolPolicy& policy,
                     absl::Time now);

// Of the open task's dataset.
const DatasetManifest& ManifestOf(const PoolState& state, TaskId task);

// How many trials the task may still give out.
int64_t TrialsLeft(const Task& task, const TaskIndex& index);

// The trial's basis for randomness, never shown before the task ends.
Digest TrialKey(const Task& task, const Digest& architecture_id,
                AccountId account, int64_t rung);

// Whether some result waits to go on, in a box that is not pruned.
bool IsPromoting(const PoolState& state, const Task& task);

// The same network at the same rung for another account, which has none of its
// weights: without ids, lease and account.
Trial FromTheStart(const PoolState& state, const Task& task,
                   const Trial& trial);

// The epochs that the trial trains: of its rung, or from the start.
int64_t EpochsOf(const Recipe& recipe, const Trial& trial);

// Asks for a segment of what would go on to the next rung and was taken at its
// word: a promotion counts after its audit.
void AskPromotable(PoolState& state, const PoolPolicy& policy, TaskId task,
                   absl::Time now);

// What an account may be given of the results that go on to the next rung, of
// any box or of `box` alone, the highest rungs first; within `units_left`. An
// account goes on from its own weights; what its account has not taken up for
// `patience` since the commitment, while it holds no lease, others train from
// the start.
std::vector<Trial> Promotions(const PoolState& state, const Task& task,
                              Seeker& seeker, SubspaceId box, int64_t count,
                              WorkUnits units_left, absl::Duration patience,
                              absl::Time now);

// Hands out receipts for what was before there were any: balances, the verdicts
// and credits of open tasks, payouts under way. For a state that has none.
void BeginReceipts(PoolState& state);

// Sets the account's money aside to be paid out, where its balance has come to
// its threshold.
void PayOutIfDue(PoolState& state, const PoolPolicy& policy, AccountId account,
                 absl::Time now);

}  // namespace archpool::internal

#endif  // ARCHPOOL_SERVER_CORE_POOL_INTERNAL_H_
