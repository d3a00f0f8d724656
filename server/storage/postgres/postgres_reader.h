// SPDX-License-Identifier: Apache-2.0
// The Reader over PostgreSQL, with read-only connections of its own. Thread-
// safe: up to `connections_max` calls run at once, others wait. A connection
// that broke is made again.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_READER_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_READER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/storage/postgres/patience.h"
#include "server/storage/store.h"

namespace archpool {

class PostgresReader : public Reader {
 public:
  // Connects when asked. `connection_string` is libpq's.
  // Where PostgreSQL has no further connection to spare, calls share those that
  // there are. REQUIRES: connections_max > 0.
  PostgresReader(std::string connection_string, int connections_max,
                 const Patience& patience = Patience());
  ~PostgresReader() override;

  absl::StatusOr<std::vector<Account>> Accounts() override;
  absl::StatusOr<Task> GetTask(TaskId task) override;
  absl::StatusOr<std::vector<Task>> Tasks(const TaskFilter& filter) override;
  absl::StatusOr<std::vector<SummaryRecord>> Summaries(
      const std::vector<TaskId>& tasks) override;
  absl::StatusOr<std::vector<Trial>> TrialsIn(TaskId task, AccountId account,
                                              TrialId after,
                                              int64_t limit) override;
  absl::StatusOr<Trial> GetTrial(TrialId trial) override;
  absl::StatusOr<Audit> GetOpenAudit(TrialId trial) override;
  absl::StatusOr<std::vector<Trial>> TrialsOf(AccountId account,
                                              absl::Time since,
                                              int64_t limit) override;
  absl::StatusOr<std::vector<Payout>> Payouts(const PayoutFilter&) override;
  absl::StatusOr<Session> GetSession(SessionId session) override;
  absl::StatusOr<std::vector<SubspaceRecord>> Subspaces(TaskId task) override;
  absl::StatusOr<std::vector<Lease>> Leases(const LeaseFilter& filter) override;
  absl::StatusOr<DatasetRecord> GetDataset(const Digest& id) override;
  absl::StatusOr<std::vector<BlobClaims>> FindClaims(
      const std::vector<Digest>& blobs) override;
  absl::StatusOr<std::vector<Transfer>> Transfers(
      const TransferFilter& filter) override;
  absl::StatusOr<std::vector<Balance>> Balances(
      const BalanceFilter& filter) override;
  absl::StatusOr<std::vector<Owed>> OwedTo(AccountId account) override;
  absl::StatusOr<LedgerCheck> CheckLedgerFrom(LedgerMark& mark) override;

 private:
  class Connections;
  std::unique_ptr<Connections> connections_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_READER_H_
