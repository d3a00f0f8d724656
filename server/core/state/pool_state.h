// The records of the pool and the indexes over them. Every change goes through
// Put, which keeps the indexes, and notes the event. Ended tasks and closed
// leases, sessions and audits are forgotten: the store keeps them.
//
// Not thread-safe. Iteration is in the order of ids everywhere.
#ifndef ARCHPOOL_SERVER_CORE_STATE_POOL_STATE_H_
#define ARCHPOOL_SERVER_CORE_STATE_POOL_STATE_H_

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "common/model/receipt.h"
#include "server/core/records/entities.h"
#include "server/core/records/keys.h"
#include "server/core/records/snapshot.h"
#include "server/core/records/transitions.h"
#include "server/core/state/due.h"
#include "server/core/state/task_index.h"

namespace archpool {

class PoolState {
 public:
  explicit PoolState(int64_t high_reward_share_ppm)
      : high_reward_share_ppm_(high_reward_share_ppm) {}

  // Records are stored as they are, and no event is noted.
  void Load(const PoolSnapshot& snapshot);

  // Notes the event and keeps the indexes. A record replaces the one of the
  // same key, and may follow it (server/core/records/transitions.h); a task
  // that has ended is forgotten with all that is its own.
  template <typename Record>
  void Put(const Record& record) {
    if constexpr (requires { record.state; })
      CheckStep(Find(record.id), record);
    events_.emplace_back(record);
    Store(record);
  }
  void Put(const Trial& trial);        // and hands out what follows from it
  void Put(const Payout& payout);      // likewise
  void Put(const Transfer&) = delete;  // only Post and Hand make these
  void Put(const Balance&) = delete;
  void Put(const Receipt&) = delete;
  // Hands the account a receipt; unset: the pool's own books. What follows from
  // a record alone, Put and Post hand out themselves.
  void Hand(AccountId account, ReceiptBody body);
  // Posts a transfer and both balances.
  // REQUIRES: amount > 0; the debited balance suffices (or is kOutside).
  TransferId Post(Place debit, Place credit, Amount amount, TransferKind kind,
                  TaskId task, const std::string& request_id, absl::Time now,
                  PayoutId payout = {});

  std::vector<Event> TakeEvents();

  // nullptr where there is none (any more). Pointers hold until the next Put of
  // the same kind.
  const Account* Find(AccountId id) const;
  const Account* FindAccount(const std::string& name) const;
  const DatasetRecord* FindDataset(const Digest& id) const;
  const Task* Find(TaskId id) const;
  const SubspaceRecord* Find(SubspaceId id) const;
  const Session* Find(SessionId id) const;
  const Lease* Find(LeaseId id) const;  // active ones alone
  const Trial* Find(TrialId id) const;
  const Audit* Find(AuditId id) const;    // those not done alone
  const Payout* Find(PayoutId id) const;  // those not ended alone
  // What an idempotency key became; 0: it is new.
  int64_t FindRequest(const RequestKey& key) const;

  const TaskIndex& IndexOf(TaskId task) const;
  // Its entry `position` from now on knows what `known` does.
  void RememberRanked(TaskId task, size_t position, TaskIndex::Ranked known);
  void PassRanked(TaskId task, size_t begin);
  // No split of the box is worth while with the results it has.
  void RememberUnsplit(TaskId task, SubspaceId box);
  // Until the box changes, or one of its networks is free again.
  void RememberWalk(TaskId task, SubspaceId box, const BoxWalk& walk);
  Settling& SettlingOf(TaskId task) { return indexes_.at(task).settling; }
  // Frees what ended tasks held, at most so many of their records.
  void ForgetSome(int64_t count);
  // Active tasks, those with the fewest leases first.
  const absl::btree_set<std::pair<int64_t, TaskId>>& tasks_by_leases() const {
    return task_order_;
  }
  // Whether the box is among its task's most promising.
  bool IsHighReward(TaskId task, SubspaceId box) const;
  const absl::btree_set<LeaseId>& LeasesOn(SubspaceId box) const;  // active
  const absl::btree_set<TrialId>& TrialsIn(SubspaceId box) const;  // all
  // Active ones; the primary itself may have ended.
  const absl::btree_set<LeaseId>& BackupsOf(LeaseId primary) const;
  // Leases that want more backups than they have, by deadline.
  const absl::btree_set<std::pair<absl::Time, LeaseId>>& backups_wanted()
      const {
    return backups_wanted_;
  }
  const absl::btree_map<TaskId, Task>& tasks() const { return tasks_; }
  const absl::btree_map<AccountId, Account>& accounts() const {
    return accounts_;
  }
  const absl::btree_map<PayoutId, Payout>& payouts() const { return payouts_; }
  const absl::btree_map<SessionId, Session>& sessions() const {
    return sessions_;
  }
  const absl::btree_set<LeaseId>& LeasesOf(SessionId session) const;
  int64_t LeaseCount(AccountId account) const;  // active ones
  // The open session of that name, or an unset id.
  SessionId SessionNamed(AccountId account, const std::string& worker) const;
  int64_t SessionCount(AccountId account) const;
  std::vector<SessionId> SessionsOf(AccountId account) const;  // by name
  // How many accounts have open sessions; counts to `count_max`.
  int64_t AccountsWithSessions(int64_t count_max) const;
  // By hardware class, and by miner.
  using WaitingAudits =
      absl::btree_map<std::string,
                      absl::btree_map<AccountId, absl::btree_set<AuditId>>>;
  const WaitingAudits& waiting_audits() const { return waiting_; }
  // What examining the open audits costs, by class.
  const absl::btree_map<std::string, WorkUnits>& audit_backlog() const {
    return audit_backlog_;
  }
  // Of the account: found false by somebody, and not decided; unset: none.
  TrialId BlamedOf(AccountId miner) const;
  // The live audit of that verifier, or an unset id.
  AuditId AuditOf(AccountId account, const std::string& verifier) const;
  AuditId AuditOf(TrialId trial) const;  // not done; unset where none
  // What is all paid is forgotten.
  const absl::btree_map<std::pair<AccountId, int64_t>, Owed>& owed() const {
    return owed_;
  }
  WorkUnits units_credited() const { return units_credited_; }  // of all
  // When a proven account committed something last, as its ended leases tell.
  absl::Time proven_commit_time() const { return proven_commit_time_; }
  // Audits that wait for the miner's answer; and what they ask of a worker.
  const absl::btree_set<AuditId>& AskedOf(AccountId miner) const;
  AskedLoad AskedOf(SessionId session) const;
  Amount BalanceOf(Place place) const;

  using Due = archpool::Due;
  const std::set<Due>& due() const { return due_; }
  const PoolClock& pool_clock() const;
  const absl::btree_map<VerifierKey, VerifierRecord>& verifiers() const {
    return plain_.All<VerifierRecord>();
  }

  AccountId NextAccountId() { return {++last_ids_.account}; }
  TaskId NextTaskId() { return {++last_ids_.task}; }
  SubspaceId NextSubspaceId() { return {++last_ids_.subspace}; }
  SessionId NextSessionId() { return {++last_ids_.session}; }
  LeaseId NextLeaseId() { return {++last_ids_.lease}; }
  TrialId NextTrialId() { return {++last_ids_.trial}; }
  AuditId NextAuditId() { return {++last_ids_.audit}; }
  PayoutId NextPayoutId() { return {++last_ids_.payout}; }
  const LastIds& last_ids() const { return last_ids_; }

  PoolSnapshot Snapshot() const;  // everything held, for tests
  absl::btree_map<TaskId, TaskMemory> TaskMemories() const;
  void Remember(const absl::btree_map<TaskId, TaskMemory>& memories);

 private:
  void Store(const Account& account);
  void Store(const DatasetRecord& dataset);
  void Store(const Task& task);
  void Store(const SubspaceRecord& subspace);
  void Store(const Session& session);
  void Store(const Lease& lease);
  void Store(const Trial& trial);
  void Store(const Audit& audit);
  void IndexWaiting(const Audit& audit, const Trial& trial);
  void CountBacklog(const Audit* before, const Audit& audit,
                    const Trial& trial);
  void Store(const Transfer& transfer);
  void Store(const Balance& balance);
  void Store(const Ranking& ranking);
  void Store(const Payout& payout);
  void Store(const Owed& owed);
  void Store(const Receipt&) {}
  // Of the plain kinds, which have no index.
  template <typename Record>
  void Store(const Record& record) {
    plain_.Put(record);
  }
  void HandFor(const Transfer& transfer);
  void Count(const Trial& trial, int64_t sign);
  void CountResult(const Trial& trial, int64_t sign);
  // When it is measured, until it is rejected: a claim alone hides nothing.
  void IndexClaim(const Trial* before, const Trial& trial);
  void Rank(const Trial& trial, int64_t ppm, int64_t sign);
  void CountAtRung(const Trial& trial, int64_t sign);
  // +1: what the trial is in its box counts; −1: no longer.
  void CountInBox(const Trial& trial, int64_t sign);
  // Runs `change` on the box's score and keeps what is ordered by it.
  template <typename Change>
  void Rescore(TaskId task, SubspaceId subspace, Change change);
  void OrderTask(TaskId task, int64_t leases_before);
  void IndexBackups(const Lease* before, const Lease& lease);
  void WantBackups(LeaseId primary);
  void Forget(TaskId task);
  bool IsForgotten(TaskId task) const { return forgotten_.contains(task); }

  int64_t high_reward_share_ppm_;
  LastIds last_ids_;
  std::vector<Event> events_;

  absl::btree_map<AccountId, Account> accounts_;
  absl::btree_map<std::string, AccountId> account_names_;
  absl::btree_map<Digest, DatasetRecord> datasets_;
  absl::btree_map<TaskId, Task> tasks_;
  absl::btree_map<TaskId, TaskIndex> indexes_;
  absl::btree_map<TaskId, TaskIndex> forgotten_;  // and not yet freed
  absl::btree_map<SubspaceId, SubspaceRecord> subspaces_;
  absl::btree_map<SessionId, Session> sessions_;
  absl::btree_map<std::pair<AccountId, std::string>, SessionId> session_names_;
  absl::btree_map<SessionId, absl::btree_set<LeaseId>> session_leases_;
  absl::btree_map<AccountId, int64_t> account_leases_;
  absl::btree_map<LeaseId, Lease> leases_;
  absl::btree_set<std::pair<int64_t, TaskId>> task_order_;
  absl::btree_map<SubspaceId, absl::btree_set<LeaseId>> subspace_leases_;
  absl::btree_map<SubspaceId, absl::btree_set<TrialId>> subspace_trials_;
  absl::btree_map<LeaseId, absl::btree_set<LeaseId>> backups_;
  absl::btree_set<std::pair<absl::Time, LeaseId>> backups_wanted_;
  absl::btree_map<TrialId, Trial> trials_;
  absl::btree_map<AuditId, Audit> audits_;
  absl::btree_map<TrialId, AuditId> trial_audits_;
  absl::btree_map<AccountId, absl::btree_set<AuditId>> asked_;
  absl::btree_map<SessionId, AskedLoad> asked_loads_;
  absl::btree_map<std::pair<AccountId, std::string>, AuditId> verifier_audits_;
  WaitingAudits waiting_;
  absl::btree_map<std::string, WorkUnits> audit_backlog_;
  absl::btree_map<AccountId, absl::btree_set<TrialId>> blamed_;
  absl::btree_map<PayoutId, Payout> payouts_;
  absl::btree_map<std::pair<AccountId, int64_t>, Owed> owed_;
  WorkUnits units_credited_ = 0;
  absl::Time proven_commit_time_ = absl::InfinitePast();
  absl::btree_map<Place, Amount> balances_;
  absl::btree_map<RequestKey, int64_t> requests_;
  std::set<Due> due_;
  RecordMaps<PlainRecords> plain_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_POOL_STATE_H_
