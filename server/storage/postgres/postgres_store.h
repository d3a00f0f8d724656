// SPDX-License-Identifier: Apache-2.0
// The Store over PostgreSQL. Not thread-safe: the engine's one thread owns it.
// A connection that broke is made again by the next call. A store that has the
// hold on its database (pool_hold.h) takes it again then, and where another
// server has it by now, that one is the writer: ABORTED (FENCED).
// REQUIRES: the database's schema is current (migrations.h).
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_STORE_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_STORE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/storage/postgres/patience.h"
#include "server/storage/postgres/pool_hold.h"
#include "server/storage/store.h"

namespace archpool {

namespace postgres {
struct Backend;
class StatementWatch;
struct WriterSession;
template <typename Record>
struct Table;
}  // namespace postgres

class PostgresStore : public Store {
 public:
  // Connects at the first call. `connection_string` is libpq's: a URI or
  // keyword=value pairs. Nothing but the generation keeps another writer from
  // taking over.
  explicit PostgresStore(std::string connection_string,
                         const Patience& patience = Patience());
  // A server's: nobody else takes over while it lives and is connected.
  explicit PostgresStore(PoolHold hold);
  ~PostgresStore() override;

  absl::StatusOr<LoadedPool> TakeOver() override;
  absl::Status Commit(int64_t generation, int64_t sequence,
                      absl::Span<const Event> events) override;

  absl::StatusOr<std::optional<Task>> FindTask(
      AccountId client, const std::string& request_id) override;
  absl::StatusOr<std::optional<TransferId>> FindDeposit(
      const std::string& request_id) override;
  absl::StatusOr<std::optional<Payout>> FindPayout(
      AccountId account, const std::string& request_id) override;
  absl::StatusOr<std::optional<DatasetRecord>> FindDataset(
      const Digest& id) override;

 private:
  absl::Status MakeReady(postgres::WriterSession& session);
  absl::Status HoldAgain(postgres::WriterSession& session);
  // Runs `body` on a connection that is ready to write, for at most so long,
  // and drops one that cannot be used again. Statuses as RunGuarded.
  absl::Status Run(
      absl::Duration time_max,
      const std::function<absl::Status(postgres::WriterSession&)>& body);
  // The one row of the table under `condition`, if there is one.
  template <typename Row>
  absl::StatusOr<std::optional<Row>> FindRow(
      const postgres::Table<Row>& table, const std::string& condition,
      const std::vector<std::string>& parameters);

  const std::string connection_string_;
  const Patience patience_;
  const bool holds_;
  // From connections that broke: PostgreSQL may not have noticed yet.
  std::vector<postgres::Backend> left_behind_;
  std::unique_ptr<postgres::StatementWatch> watch_;
  std::unique_ptr<postgres::WriterSession> session_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_STORE_H_
