// SPDX-License-Identifier: Apache-2.0
// The Store over PostgreSQL. Not thread-safe: the engine's one thread owns it.
// A connection that broke is made again by the next call.
// REQUIRES: the database's schema is current (migrations.h).
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_STORE_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_STORE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/storage/store.h"

namespace archpool {

namespace postgres {
template <typename Record>
struct Table;
}  // namespace postgres

class PostgresStore : public Store {
 public:
  // Connects at the first call. `connection_string` is libpq's: a URI or
  // keyword=value pairs.
  // A statement that the database has not answered after `statement_max` fails
  // as where the connection breaks.
  explicit PostgresStore(std::string connection_string,
                         absl::Duration statement_max = absl::Minutes(1));
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
  struct Session;
  Session& Connected();
  // The one row of the table under `condition`, if there is one.
  template <typename Row>
  absl::StatusOr<std::optional<Row>> FindRow(
      const postgres::Table<Row>& table, const std::string& condition,
      const std::vector<std::string>& parameters);

  const std::string connection_string_;
  const absl::Duration statement_max_;
  std::unique_ptr<Session> session_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_STORE_H_
