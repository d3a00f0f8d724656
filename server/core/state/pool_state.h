// SPDX-License-Identifier: Apache-2.0
// The records of the pool, in one book for each kind. Every change goes through
// Put, which checks it, has the books keep their indexes, and notes the event.
// Ended tasks and payouts and closed leases, sessions and audits are forgotten:
// the store keeps them.
//
// Not thread-safe. Iteration is in the order of ids everywhere.
#ifndef ARCHPOOL_SERVER_CORE_STATE_POOL_STATE_H_
#define ARCHPOOL_SERVER_CORE_STATE_POOL_STATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "common/model/receipt.h"
#include "server/core/books/account_book.h"
#include "server/core/books/audit_book.h"
#include "server/core/books/dataset_book.h"
#include "server/core/books/due_queue.h"
#include "server/core/books/lease_table.h"
#include "server/core/books/money_book.h"
#include "server/core/books/request_book.h"
#include "server/core/books/secret_index.h"
#include "server/core/books/session_book.h"
#include "server/core/books/task_book.h"
#include "server/core/records/entities.h"
#include "server/core/records/keys.h"
#include "server/core/records/snapshot.h"
#include "server/core/records/transitions.h"

namespace archpool {

class PoolState {
 public:
  // In the .cc file, as is all that would otherwise compile the code of some
  // sixty maps into every file that has a state.
  explicit PoolState(int64_t high_reward_share_ppm);
  ~PoolState();
  PoolState(PoolState&&) noexcept;
  PoolState& operator=(PoolState&&) noexcept;

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
  void Put(const Trial& trial);    // and hands out what follows from it
  void Put(const Payout& payout);  // likewise
  void Put(const DatasetRecord& dataset);
  // Makes room for that many events more, where many come at once: growing
  // would copy those that are there again and again.
  void ExpectEvents(size_t count) { events_.reserve(events_.size() + count); }
  void Put(const Transfer&) = delete;  // only Post and Hand make these
  void Put(const Balance&) = delete;
  void Put(const Receipt&) = delete;
  // Appends a receipt for the account (unset: the pool itself). Receipts
  // implied by a record alone are appended by Put and Post.
  void Hand(AccountId account, ReceiptBody body);
  // Posts a transfer and both balances.
  // REQUIRES: amount > 0; the balance of `from` suffices (or is kOutside).
  TransferId Post(Place from, Place to, Amount amount, TransferKind kind,
                  TaskId task, const std::string& request_id, absl::Time now,
                  PayoutId payout = {});

  std::vector<Event> TakeEvents();

  // nullptr where there is none (any more). Pointers hold until the next Put of
  // the same kind.
  const Account* Find(AccountId id) const { return accounts_.Find(id); }
  const Task* Find(TaskId id) const { return tasks_.Find(id); }
  const SubspaceRecord* Find(SubspaceId id) const { return tasks_.Find(id); }
  const Trial* Find(TrialId id) const { return tasks_.Find(id); }
  const Session* Find(SessionId id) const { return sessions_.Find(id); }
  const Lease* Find(LeaseId id) const { return leases_.Find(id); }
  const Audit* Find(AuditId id) const { return audits_.Find(id); }
  const Payout* Find(PayoutId id) const { return money_.Find(id); }
  const DatasetRecord* FindDataset(const Digest& id) const {
    return datasets_.Find(id);
  }
  // Whether an open task is of it.
  bool IsInUse(const Digest& dataset) const {
    return datasets_.IsInUse(dataset);
  }

  const AccountBook& accounts() const { return accounts_; }
  const MoneyBook& money() const { return money_; }
  const TaskBook& tasks() const { return tasks_; }
  const SessionBook& sessions() const { return sessions_; }
  const LeaseTable& leases() const { return leases_; }
  const AuditBook& audits() const { return audits_; }
  const RequestBook& requests() const { return requests_; }
  const DueQueue& due() const { return due_; }
  const PoolClock& pool_clock() const;
  const absl::btree_map<VerifierKey, VerifierRecord>& verifiers() const {
    return plain_.All<VerifierRecord>();
  }
  const RecordMap<StoredFile>& files() const {
    return plain_.All<StoredFile>();
  }
  const RecordMap<StorageUse>& storage() const {
    return plain_.All<StorageUse>();
  }
  const absl::btree_map<InvitationKey, Invitation>& invitations() const {
    return plain_.All<Invitation>();
  }
  // Open or not; nullptr where no code has this hash.
  const Invitation* FindInvitation(const Digest& code_hash) const;
  const RecordMap<AccountToken>& tokens() const {
    return plain_.All<AccountToken>();
  }
  // In force or not; nullptr where no token has this hash.
  const AccountToken* FindToken(const Digest& hash) const;
  const TaskIndex& IndexOf(TaskId task) const { return tasks_.IndexOf(task); }

  // What is in memory alone may change without an event.
  TaskMemory& MemoryOf(TaskId task) { return tasks_.MemoryOf(task); }
  void RememberUnsplit(TaskId task, SubspaceId box) {
    tasks_.RememberUnsplit(task, box);
  }
  // Which miner's audits are taken before whose.
  void SetTurn(AccountId miner, int64_t turn) { audits_.SetTurn(miner, turn); }
  void ForgetTurns() { audits_.ForgetTurns(); }
  // Frees what ended tasks held, at most this many of their records.
  void ForgetSome(int64_t count) { tasks_.ForgetSome(count); }

  AccountId NextAccountId() { return {++last_ids_.account}; }
  TaskId NextTaskId() { return {++last_ids_.task}; }
  SubspaceId NextSubspaceId() { return {++last_ids_.subspace}; }
  SessionId NextSessionId() { return {++last_ids_.session}; }
  LeaseId NextLeaseId() { return {++last_ids_.lease}; }
  TrialId NextTrialId() { return {++last_ids_.trial}; }
  AuditId NextAuditId() { return {++last_ids_.audit}; }
  PayoutId NextPayoutId() { return {++last_ids_.payout}; }
  const LastIds& last_ids() const { return last_ids_; }

  PoolSnapshot Snapshot() const;  // what a store would load, for tests

 private:
  void Store(const Account& account) { accounts_.Put(account); }
  void Store(const DatasetRecord& dataset) { datasets_.Put(dataset); }
  void Store(const Task& task);
  void Store(const SubspaceRecord& box) { tasks_.Put(box); }
  void Store(const Session& session) { sessions_.Put(session); }
  void Store(const Lease& lease);
  void Store(const Trial& trial);
  void Store(const Audit& audit);
  void Store(const Transfer& transfer);
  void Store(const Balance& balance) { money_.Put(balance); }
  void Store(const Ranking& ranking) { tasks_.Put(ranking); }
  void Store(const Payout& payout);
  void Store(const Owed& owed) { money_.Put(owed); }
  void Store(const Receipt&) {}
  void Store(const StoredWeights&) {}
  void Store(const SummaryRecord&) {}
  void Store(const Invitation& invitation);
  void Store(const AccountToken& token);
  // The records of the plain kinds, which have no index.
  template <typename Record>
  void Store(const Record& record) {
    plain_.Put(record);
  }
  void HandFor(const Transfer& transfer);

  LastIds last_ids_;
  std::vector<Event> events_;
  AccountBook accounts_;
  MoneyBook money_;
  TaskBook tasks_;
  SessionBook sessions_;
  LeaseTable leases_;
  AuditBook audits_;
  DueQueue due_;
  DatasetBook datasets_;
  RequestBook requests_;
  RecordMaps<PlainRecords> plain_;
  SecretIndex<InvitationKey> invitation_codes_;
  SecretIndex<TokenKey> token_hashes_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_POOL_STATE_H_
