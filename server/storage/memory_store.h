// SPDX-License-Identifier: Apache-2.0
// The pool's records in memory, with the generations, constraints and filters
// of the PostgreSQL store: for simulations and tests, and for trying things
// out. Thread-safe. Every writer may hold the same object: generations tell
// them apart.
#ifndef ARCHPOOL_SERVER_STORAGE_MEMORY_STORE_H_
#define ARCHPOOL_SERVER_STORAGE_MEMORY_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/core/records/request_key.h"
#include "server/storage/memory_tables.h"
#include "server/storage/receipt_store.h"
#include "server/storage/store.h"

namespace archpool {

class MemoryStore : public Store, public Reader, public ReceiptStore {
 public:
  MemoryStore();  // in the .cc file, with the code of its maps
  ~MemoryStore() override;

  absl::StatusOr<LoadedPool> TakeOver() override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Commit(int64_t generation, int64_t sequence,
                      absl::Span<const Event> events) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::optional<Task>> FindTask(
      AccountId client, const std::string& request_id) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::optional<TransferId>> FindDeposit(
      const std::string& request_id) override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::optional<Payout>> FindPayout(
      AccountId account, const std::string& request_id) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::optional<DatasetRecord>> FindDataset(
      const Digest& id) override ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<std::vector<Account>> Accounts() override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Task> GetTask(TaskId task) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Task>> Tasks(const TaskFilter& filter) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<SummaryRecord>> Summaries(
      const std::vector<TaskId>& tasks) override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Trial>> TrialsIn(TaskId task, AccountId account,
                                              TrialId after,
                                              int64_t limit) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Trial>> TrialsOf(AccountId account,
                                              absl::Time since,
                                              int64_t limit) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Payout>> Payouts(const PayoutFilter&) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Audit> GetOpenAudit(TrialId trial) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Trial> GetTrial(TrialId trial) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Session> GetSession(SessionId session) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<SubspaceRecord>> Subspaces(TaskId task) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Lease>> Leases(const LeaseFilter& filter) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<DatasetRecord> GetDataset(const Digest& id) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<BlobClaims>> FindClaims(
      const std::vector<Digest>& blobs) override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Transfer>> Transfers(
      const TransferFilter& filter) override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Balance>> Balances(
      const BalanceFilter& filter) override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Owed>> OwedTo(AccountId account) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<LedgerCheck> CheckLedgerFrom(LedgerMark& mark) override
      ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<OpenReceipts> Open(int64_t limit) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status AddSeal(const SignedSeal& seal, ReceiptId last_receipt,
                       absl::Span<const AccountReceipts> changed) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<SealedReceipts> Sealed() override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<SignedSeal>> Seals(int64_t after,
                                                int64_t limit) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Receipt>> ReceiptsOf(AccountId account,
                                                  ReceiptId after,
                                                  int64_t limit) override
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Writes a balance past every rule, as a person with SQL could: so that
  // CheckLedger can be seen to notice.
  void Tamper(const Balance& balance) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // The record that a request became.
  template <typename Record>
  std::optional<Record> RequestedLocked(const RequestKey& key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  BlobClaims ClaimsLocked(const Digest& blob) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsOpen(TaskId task) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  PoolSnapshot Snapshot() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  struct KeptSeal {
    SignedSeal seal;
    ReceiptId last_receipt;
  };
  SealedReceipts SealedLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  int64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  memory::Tables tables_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<RequestKey, int64_t> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<KeptSeal> seals_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<AccountId, AccountReceipts> receipted_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_MEMORY_STORE_H_
