// The Pool is the deterministic state machine that takes every decision: no IO,
// clock, randomness, threads or protobuf; time is an argument. Equal snapshots
// and equal commands give equal replies and equal events, on every machine.
//
// Not thread-safe: the engine's one thread owns it.
//
//   pool.Execute(command, now)   decides, applies to this state, and notes the
//                                events; an error changes nothing.
//   pool.TakeEvents()            the events since the last call, in order: what
//                                the store must commit before any reply leaves.
//
// Decision and application are one step because decisions of several parts read
// their own effects (docs/adr/0003-decide-and-apply-in-one-step.md). If the
// commit fails, the state is thrown away and loaded afresh.
#ifndef ARCHPOOL_SERVER_CORE_POOL_H_
#define ARCHPOOL_SERVER_CORE_POOL_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/counter_rng.h"
#include "common/nas/sampling.h"
#include "server/core/commands/commands.h"
#include "server/core/leaves/heirs.h"
#include "server/core/leaves/lease_shares.h"
#include "server/core/leaves/looks.h"
#include "server/core/leaves/verifier_book.h"
#include "server/core/pool_parts.h"
#include "server/core/records/entities.h"
#include "server/core/rules/expiry_hold.h"
#include "server/core/rules/policy.h"
#include "server/core/rules/worker_means.h"
#include "server/core/state/pool_state.h"
#include "server/core/state/verifier_desk.h"

namespace archpool {

class Pool {
 public:
  // Starts from what the store loaded; `hold` is that of the pool it replaces.
  Pool(const PoolPolicy& policy, const PoolSnapshot& snapshot,
       const ExpiryHold& hold = ExpiryHold(),
       VerifierBook verifiers = VerifierBook());

  const ExpiryHold& expiry_hold() const { return expiry_hold_; }
  const VerifierBook& verifiers() const { return verifiers_; }
  // Errors are named at each command (server/core/commands/commands.h).
  // A Tick is due at least every second: what is late is closed by ticks alone.
  // REQUIRES: `now` does not decrease between calls.
  absl::StatusOr<CreateAccount::Reply> Execute(const CreateAccount&,
                                               absl::Time now);
  absl::StatusOr<SetAccountState::Reply> Execute(const SetAccountState&,
                                                 absl::Time now);
  absl::StatusOr<SetQuotas::Reply> Execute(const SetQuotas&, absl::Time now);
  absl::StatusOr<SetVisibility::Reply> Execute(const SetVisibility&,
                                               absl::Time now);
  absl::StatusOr<Deposit::Reply> Execute(const Deposit&, absl::Time now);
  absl::StatusOr<SetPayoutTerms::Reply> Execute(const SetPayoutTerms&,
                                                absl::Time now);
  absl::StatusOr<SetRevenueSplit::Reply> Execute(const SetRevenueSplit&,
                                                 absl::Time now);
  absl::StatusOr<SetShareConsent::Reply> Execute(const SetShareConsent&,
                                                 absl::Time now);
  absl::StatusOr<RequestPayout::Reply> Execute(const RequestPayout&,
                                               absl::Time now);
  absl::StatusOr<BeginSends::Reply> Execute(const BeginSends&, absl::Time now);
  absl::StatusOr<DoubtSends::Reply> Execute(const DoubtSends&, absl::Time now);
  absl::StatusOr<ReviewPayouts::Reply> Execute(const ReviewPayouts&,
                                               absl::Time now);
  absl::StatusOr<ReportPayout::Reply> Execute(const ReportPayout&,
                                              absl::Time now);
  absl::StatusOr<RegisterDataset::Reply> Execute(const RegisterDataset&,
                                                 absl::Time now);
  absl::StatusOr<SubmitTask::Reply> Execute(const SubmitTask&, absl::Time now);
  absl::StatusOr<CancelTask::Reply> Execute(const CancelTask&, absl::Time now);
  absl::StatusOr<OpenSession::Reply> Execute(const OpenSession&,
                                             absl::Time now);
  absl::StatusOr<RankCandidates::Reply> Execute(const RankCandidates&,
                                                absl::Time now);
  absl::StatusOr<AcquireLease::Reply> Execute(const AcquireLease&,
                                              absl::Time now);
  absl::StatusOr<RenewLease::Reply> Execute(const RenewLease&, absl::Time now);
  absl::StatusOr<ReportTrials::Reply> Execute(const ReportTrials&,
                                              absl::Time now);
  absl::StatusOr<OpenSegment::Reply> Execute(const OpenSegment&,
                                             absl::Time now);
  absl::StatusOr<ConfirmUpload::Reply> Execute(const ConfirmUpload&,
                                               absl::Time now);
  absl::StatusOr<ReviewTrials::Reply> Execute(const ReviewTrials&,
                                              absl::Time now);
  absl::StatusOr<ReleaseLease::Reply> Execute(const ReleaseLease&,
                                              absl::Time now);
  absl::StatusOr<AcquireAudit::Reply> Execute(const AcquireAudit&,
                                              absl::Time now);
  absl::StatusOr<RenewAudit::Reply> Execute(const RenewAudit&, absl::Time now);
  absl::StatusOr<ReportAudit::Reply> Execute(const ReportAudit&,
                                             absl::Time now);
  absl::StatusOr<VoidTrial::Reply> Execute(const VoidTrial&, absl::Time now);
  absl::StatusOr<ReviewVerifiers::Reply> Execute(const ReviewVerifiers&,
                                                 absl::Time now);
  absl::StatusOr<Tick::Reply> Execute(const Tick&, absl::Time now);
  absl::StatusOr<SetMaintenance::Reply> Execute(const SetMaintenance&,
                                                absl::Time now);
  absl::StatusOr<NoteUpload::Reply> Execute(const NoteUpload&, absl::Time);
  absl::StatusOr<ExtendAnswers::Reply> Execute(const ExtendAnswers&,
                                               absl::Time now);

  std::vector<Event> TakeEvents() { return state_.TakeEvents(); }
  const PoolState& state() const { return state_; }

 private:
  using DrawnTrials = internal::DrawnTrials;
  using Seeker = internal::Seeker;
  using Start = internal::LeaseStart;
  // What the client knows already becomes accepted trials of the task.
  void TakeOver(const Task& task, const std::vector<Trial>& known,
                absl::Time now);
  // Closes the worker's earlier session; what its new one takes along.
  std::vector<Lease> TakeOverFrom(SessionId earlier, Session& session,
                                  absl::Time now);
  absl::Status Commit(const ReportTrials& command, const TrialReport& report,
                      absl::Time now);
  absl::Status CheckReport(const ReportTrials& command,
                           const TrialReport& report, const Trial& trial,
                           absl::Time now) const;
  std::vector<SessionId> AbleToAnswer(const Session& like, absl::Time now);
  LeaseGrant GrantAgain(const Trial& trial, const Audit& audit) const;
  // Whether a trial just committed is audited; a candidate for the front, and
  // what is at chance, always is, and is measured in full.
  void Draw(Trial trial, bool measures_all, absl::Time now);
  // What the pool wants of a trial whose report it took.
  void SayWhatIsWanted(ReportTrials::Result& result) const;
  ReportAudit::Reply Judge(const Audit& audit, Trial trial,
                           const Measurement& measured, absl::Time now);
  ReportAudit::Reply AcceptSeen(Trial trial, bool was_replayed_whole,
                                absl::Time now);
  // The audit tried its verifier; it is still to be decided.
  ReportAudit::Reply EndPlanted(Audit audit, const Trial& trial,
                                bool has_passed, absl::Time now);
  // Whether the account claims less than is measured again and again, to hide
  // what it found or to have it measured. Counts this one.
  bool ClaimsTooLow(const Trial& trial, const Measurement& measured,
                    int64_t validation_count);
  // The audit of another attempt, or of another verifier, is none.
  absl::StatusOr<Audit> HeldAudit(AccountId caller, AuditId audit,
                                  int64_t attempt,
                                  const std::string& verifier_name) const;
  void NoteFinding(const ReportAudit& command, const Audit& audit,
                   absl::Time now);
  VerifierDesk Desk() const { return {state_, policy_, verifiers_}; }
  // A verifier found its trial, as it would be rejected, false: it is once
  // another, or a recomputation, says so too.
  ReportAudit::Reply Blame(Audit audit, Trial trial, const std::string& reason,
                           absl::Time now);
  // A verifier found its trial true: nullopt where that decides.
  std::optional<ReportAudit::Reply> Clear(const Audit& audit,
                                          const Trial& trial, absl::Time now);
  void NoteVotes(const Audit& audit, LookKind right);
  // A verifier could not tell.
  ReportAudit::Reply Fail(Audit audit, const std::string& reason,
                          absl::Time now);
  // The verifiers cannot agree, or cannot tell.
  ReportAudit::Reply GiveUp(const Audit& audit, internal::Fault fault,
                            absl::Time now);
  // Back to the verifiers.
  void ReturnAudit(Audit audit);
  // No verifier decided the audit in time: the operator's policy does.
  void CloseUnverified(const Audit& audit, absl::Time now);
  // What was asked of a trial never came: its weights; its answer.
  void CloseUpload(Trial trial, absl::Time now);
  void CloseUnanswered(const Trial& trial, absl::Time now);
  Assignment AssignmentOf(const Task& task, const Trial& trial) const;
  AcquireLease::Reply GrantOf(const Lease& lease) const;
  // The tasks' offers in their order, until one gives a lease.
  AcquireLease::Reply LeaseByShares(const AcquireLease& command,
                                    const Session& session, absl::Time now);
  // A lease on the task's most promising subspace; ends the task where nothing
  // is left to draw or to wait for.
  AcquireLease::Reply LeaseFrom(TaskId task, const Session& session,
                                Looks& looks, absl::Time now);
  void Charge(const LeaseShares::Offer& offer, const Lease& lease);
  // What looks a request has left go to a task in which nothing was found yet.
  void AdvanceSearch(const Session& session, Looks& looks);
  // What goes on to the next rung, in one box.
  Start StartFromPromotions(const Task& task, Seeker& seeker, absl::Time now);
  // What the account left undone in an open box, in that box.
  Start StartFromAbandoned(const Task& task, Seeker& seeker) const;
  // The best candidate of the ranking that can be had, and what follows it in
  // its box; splits that box off one that is leased. Here and below: within
  // `looks`, which what is looked at is taken from.
  Start StartFromRanking(const Task& task, Seeker& seeker, Looks& looks);
  // At most `count` further candidates of the ranking in `box`.
  std::vector<Trial> RankedIn(const Task& task, SubspaceId box, Seeker& seeker,
                              int64_t count, WorkUnits units_left,
                              Looks& looks);
  // A trial of the ranking's `position`; nullopt where it is taken, impossible
  // or in a box that is done, or where no look is left for it.
  std::optional<Trial> RankedTrial(const Task& task, size_t position,
                                   Looks& looks);
  // Draws at random in the most promising open boxes.
  Start StartFromDraws(const Task& task, Seeker& seeker, Looks& looks);
  DrawnTrials DrawTrials(const Task& task, const SubspaceRecord& subspace,
                         Seeker& seeker, int64_t count_max, Looks& looks);
  // The first of a list; goes on where an earlier request left the box, and
  // `nothing_left` is set where the box holds nothing more for anybody.
  std::optional<Candidate> DrawFirst(const Task& task,
                                     const SubspaceRecord& subspace,
                                     Seeker& seeker, uint64_t stream,
                                     CounterRng& rng, Looks& looks,
                                     bool& nothing_left);
  WorkUnits UnitsLeft(const Task& task) const;  // and as far as the account may
  WorkUnits UnitsLeft(const Task& task, AccountId account) const;
  // How many trials of `units` fill the worker's lease.
  int64_t ListTarget(const Task& task, const Session& session,
                     WorkUnits units) const;
  LeaseId Grant(const Task& task, const Session& session, Start start,
                absl::Time now);
  void AddTrials(Lease& lease, std::vector<Trial> trials, absl::Time now);
  // Appends to a running list what its worker will need next.
  std::vector<Assignment> Grow(LeaseId lease, absl::Time now);
  // The rest of another account's list that wants a backup, backwards.
  LeaseId GrantBackup(const Session& session, Amount price_min, absl::Time now);
  void CheckProgress(Lease lease, absl::Time now);
  // A lease that has gone silent: of a high-reward box, it wants a backup.
  void CloseSilent(const Lease& lease, absl::Time now);
  void Close(const PoolState::Due& due, absl::Time now);
  // Adds the time in which no tick came to what was to be done by then.
  void NoteTime(absl::Time now);
  void HoldExpiry(absl::Time now);

  PoolPolicy policy_;
  PoolState state_;
  ExpiryHold expiry_hold_;
  VerifierBook verifiers_;
  Heirs heirs_;
  MeansBook means_;
  LeaseShares shares_;
  SearchTurns searching_;
  absl::btree_map<AccountId, internal::Openings> openings_;
  absl::btree_map<AccountId, internal::Openings> opened_boxes_;
  bool is_loaded_ = true;  // and no tick came since
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_POOL_H_
