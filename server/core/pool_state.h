// The records of the pool and the indexes over them. Every change goes through
// Put, which keeps the indexes, and notes the event. Ended tasks and closed
// leases, sessions and audits are forgotten: the store keeps them.
//
// Not thread-safe. Iteration is in the order of ids everywhere.
#ifndef ARCHPOOL_SERVER_CORE_POOL_STATE_H_
#define ARCHPOOL_SERVER_CORE_POOL_STATE_H_

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/core/entities.h"

namespace archpool {

// The ids that were handed out last, per kind.
struct LastIds {
  int64_t account = 0;
  int64_t task = 0;
  int64_t subspace = 0;
  int64_t session = 0;
  int64_t lease = 0;
  int64_t trial = 0;
  int64_t audit = 0;
  int64_t transfer = 0;
  friend bool operator==(const LastIds&, const LastIds&) = default;
};

// What was asked for under an idempotency key, and what it became.
struct RequestKey {
  AccountId account;  // unset for deposits
  std::string request_id;
  friend auto operator<=>(const RequestKey&, const RequestKey&) = default;
};

// What the store hands to a new Pool: every account, dataset and balance; open
// sessions; tasks that have not ended, with all their subspaces and trials,
// their active leases and their audits that are not done.
struct PoolSnapshot {
  std::vector<Event> records;
  LastIds last_ids;
  // Every key ever used: value is the task's or the transfer's id.
  std::vector<std::pair<RequestKey, int64_t>> requests;
};

// What the core knows of an open task beyond its record; derived from the
// others.
struct TaskIndex {
  absl::btree_set<SubspaceId> subspaces;
  absl::btree_set<TrialId> trials;
  absl::btree_set<LeaseId> leases;  // active
  // Networks tried or being tried: never given out twice.
  absl::btree_set<Digest> architectures;
  int64_t assigned_count = 0;
  int64_t pending_count = 0;
  int64_t accepted_count = 0;
  WorkUnits reserved_units = 0;  // assigned and pending
  WorkUnits accepted_units = 0;
  // How promising a subspace is, from validated results alone.
  struct SubspaceScore {
    int64_t trials = 0;    // that are not abandoned or rejected
    int64_t accepted = 0;  // of these
    int64_t best_ppm = 0;  // validated on the validation split
    int64_t second_ppm = 0;
    // Greater is more promising. Scored by its few best results, not by its
    // mean: accuracy has a heavy lower tail. What few have tried gains; what
    // nobody has tried comes first. A square root alone: other functions of
    // libm differ between machines.
    double Promise() const;
  };
  absl::btree_map<SubspaceId, SubspaceScore> scores;
  // The open ones, by falling promise, then by id.
  absl::btree_set<std::pair<double, SubspaceId>> open;
  int64_t completed_subspaces = 0;
};

class PoolState {
 public:
  // Records are stored as they are, and no event is noted.
  void Load(const PoolSnapshot& snapshot);

  // Notes the event and keeps the indexes. Records handed in replace the ones
  // of the same id.
  void Put(const Account& account);
  void Put(const DatasetRecord& dataset);
  void Put(const Task& task);  // forgets the task's records once it has ended
  void Put(const SubspaceRecord& subspace);
  void Put(const Session& session);
  void Put(const Lease& lease);
  void Put(const Trial& trial);
  void Put(const Audit& audit);
  // Posts a transfer between two places and both balances.
  // REQUIRES: amount > 0; the debited balance suffices (or is kOutside).
  TransferId Post(Place debit, Place credit, Amount amount, TransferKind kind,
                  TaskId task, const std::string& request_id, absl::Time now);

  std::vector<Event> TakeEvents();
  bool HasEvents() const { return !events_.empty(); }

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
  const Audit* Find(AuditId id) const;  // those not done alone
  // The id an idempotency key became; 0 where it is new.
  int64_t FindRequest(const RequestKey& key) const;

  const TaskIndex& IndexOf(TaskId task) const;
  const absl::btree_map<TaskId, Task>& tasks() const { return tasks_; }
  const absl::btree_map<AccountId, Account>& accounts() const {
    return accounts_;
  }
  const absl::btree_map<SessionId, Session>& sessions() const {
    return sessions_;
  }
  const absl::btree_set<LeaseId>& LeasesOf(SessionId session) const;
  int64_t LeaseCount(AccountId account) const;  // active ones
  // The open session of that name, or an unset id.
  SessionId SessionNamed(AccountId account, const std::string& worker) const;
  int64_t SessionCount(AccountId account) const;
  const absl::btree_set<AuditId>& waiting_audits() const { return waiting_; }
  // The live audit of that verifier, or an unset id.
  AuditId AuditOf(AccountId account, const std::string& verifier) const;
  AuditId AuditOf(TrialId trial) const;  // not done; unset where none
  Amount BalanceOf(Place place) const;

  // What falls due, and when.
  struct Due {
    absl::Time time;
    enum class Kind { kTask, kLease, kUpload, kAudit } kind;
    int64_t id;
    friend bool operator<(const Due& a, const Due& b) {
      return std::tie(a.time, a.kind, a.id) < std::tie(b.time, b.kind, b.id);
    }
    friend bool operator==(const Due&, const Due&) = default;
  };
  const std::set<Due>& due() const { return due_; }

  // The next id of a kind.
  AccountId NextAccountId() { return {++last_ids_.account}; }
  TaskId NextTaskId() { return {++last_ids_.task}; }
  SubspaceId NextSubspaceId() { return {++last_ids_.subspace}; }
  SessionId NextSessionId() { return {++last_ids_.session}; }
  LeaseId NextLeaseId() { return {++last_ids_.lease}; }
  TrialId NextTrialId() { return {++last_ids_.trial}; }
  AuditId NextAuditId() { return {++last_ids_.audit}; }

  // Everything held, for tests that compare a state with a loaded one.
  PoolSnapshot Snapshot() const;

 private:
  void Store(const Account& account);
  void Store(const DatasetRecord& dataset);
  void Store(const Task& task);
  void Store(const SubspaceRecord& subspace);
  void Store(const Session& session);
  void Store(const Lease& lease);
  void Store(const Trial& trial);
  void Store(const Audit& audit);
  void Store(const Transfer& transfer);
  void Store(const Balance& balance);
  void Count(const Trial& trial, int64_t sign);
  void CountScore(const Trial& trial);
  void RecountScore(TaskId task, SubspaceId subspace);
  // Runs `change` on the subspace's score and keeps the order of the open ones.
  template <typename Change>
  void Rescore(TaskId task, SubspaceId subspace, Change change);
  void Forget(TaskId task);

  LastIds last_ids_;
  std::vector<Event> events_;

  absl::btree_map<AccountId, Account> accounts_;
  absl::btree_map<std::string, AccountId> account_names_;
  absl::btree_map<Digest, DatasetRecord> datasets_;
  absl::btree_map<TaskId, Task> tasks_;
  absl::btree_map<TaskId, TaskIndex> indexes_;
  absl::btree_map<SubspaceId, SubspaceRecord> subspaces_;
  absl::btree_map<SessionId, Session> sessions_;
  absl::btree_map<std::pair<AccountId, std::string>, SessionId> session_names_;
  absl::btree_map<SessionId, absl::btree_set<LeaseId>> session_leases_;
  absl::btree_map<AccountId, int64_t> account_leases_;
  absl::btree_map<LeaseId, Lease> leases_;
  absl::btree_map<TrialId, Trial> trials_;
  absl::btree_map<AuditId, Audit> audits_;
  absl::btree_map<TrialId, AuditId> trial_audits_;
  absl::btree_map<std::pair<AccountId, std::string>, AuditId> verifier_audits_;
  absl::btree_set<AuditId> waiting_;
  absl::btree_map<Place, Amount> balances_;
  absl::btree_map<RequestKey, int64_t> requests_;
  std::set<Due> due_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_POOL_STATE_H_
