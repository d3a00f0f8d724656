// Records with every field drawn at random, valid under the constraints of the
// schema, and what a store that was given them has to load: a model of its own.
#ifndef ARCHPOOL_TESTS_SUPPORT_RANDOM_RECORDS_H_
#define ARCHPOOL_TESTS_SUPPORT_RANDOM_RECORDS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/counter_rng.h"
#include "server/core/state/pool_state.h"

namespace archpool {

// Not thread-safe. Equal seeds give equal records.
class RandomRecords {
 public:
  explicit RandomRecords(uint64_t seed) : rng_(seed, 0) {}

  // About `count` further events: new records and changes of earlier ones.
  std::vector<Event> Next(int count);

  // What a store holds now, by id.
  const std::map<AccountId, Account>& accounts() const { return accounts_; }
  const std::map<Digest, DatasetRecord>& datasets() const { return datasets_; }
  const std::map<TaskId, Task>& tasks() const { return tasks_; }
  const std::map<SubspaceId, SubspaceRecord>& subspaces() const {
    return subspaces_;
  }
  const std::map<LeaseId, Lease>& leases() const { return leases_; }
  const std::map<AuditId, Audit>& audits() const { return audits_; }
  const std::map<TrialId, Trial>& trials() const { return trials_; }
  const std::map<TransferId, Transfer>& transfers() const { return transfers_; }
  const std::map<PayoutId, Payout>& payouts() const { return payouts_; }
  const std::map<Place, Balance>& balances() const { return balances_; }

  // What TakeOver has to load.
  PoolSnapshot Snapshot() const;

 private:
  void PutAccount();
  void PutDataset();
  void PutTask();
  void PutSubspace();
  void PutSession();
  void PutLease();
  void PutTrial();
  Opening RandomOpening();
  void PutAudit();
  void PutTransfer();
  void PutBalance();
  void PutRanking();
  void PutPayout();
  void PutOwed();
  void PutClock();
  void PutReceipt();
  Moments RandomMoments();
  Performance RandomPerformance();
  template <typename Key, typename Record>
  void Emit(std::map<Key, Record>& records, const Key& key,
            const Record& record) {
    records[key] = record;
    events_.emplace_back(record);
  }
  bool IsOpen(TaskId task) const;

  int64_t Below(int64_t bound);  // [0, bound)
  bool Coin() { return Below(2) == 0; }
  int64_t Large() { return Below(int64_t{1} << 62); }
  Digest RandomDigest();
  absl::Time RandomTime();
  std::string RandomText();  // quotes, backslashes, braces, Unicode, newlines
  Place RandomPlace();
  template <typename Key, typename Record>
  const Record& Any(const std::map<Key, Record>& records);
  // A new id, or an earlier one; `last` is the greatest so far.
  int64_t NewOrEarlier(int64_t last);

  CounterRng rng_;
  std::vector<Event> events_;
  std::map<AccountId, Account> accounts_;
  std::map<Digest, DatasetRecord> datasets_;
  std::map<TaskId, Task> tasks_;
  std::map<SubspaceId, SubspaceRecord> subspaces_;
  std::map<SessionId, Session> sessions_;
  std::map<LeaseId, Lease> leases_;
  std::map<TrialId, Trial> trials_;
  std::map<AuditId, Audit> audits_;
  std::map<TaskId, Ranking> rankings_;
  std::map<PayoutId, Payout> payouts_;
  std::map<std::pair<AccountId, int64_t>, Owed> owed_;
  std::map<int, PoolClock> clock_;  // at most one
  std::map<VerifierKey, VerifierRecord> verifiers_;
  std::map<ReceiptId, Receipt> receipts_;
  std::map<TransferId, Transfer> transfers_;
  std::map<Place, Balance> balances_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_RANDOM_RECORDS_H_
