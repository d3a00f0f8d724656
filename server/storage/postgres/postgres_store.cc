// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/postgres_store.h"

#include <algorithm>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/core/records/keys.h"
#include "server/storage/postgres/load.h"
#include "server/storage/postgres/pool_lock.h"
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/statement_watch.h"
#include "server/storage/postgres/writer_session.h"

namespace archpool {
namespace {

using postgres::Backend;
using postgres::Parameters;
using postgres::Table;
using postgres::WriterSession;

// About one for each table, and some for ids.
constexpr int kLoadStatementsMax = 5 + std::variant_size_v<Event>;
// Connections that broke, as far back as PostgreSQL may still have them.
constexpr size_t kLeftBehindMax = 16;
constexpr char kMoveHead[] = "move_head";
constexpr char kMoveHeadSql[] =
    "UPDATE pool_head SET sequence = sequence + 1"
    " WHERE epoch = $1::bigint AND sequence = $2::bigint";
constexpr char kRaiseGenerationSql[] =
    "UPDATE pool_head SET epoch = epoch + 1 RETURNING epoch, sequence";

// The events of a commit as rows: the last one of each record, and all of those
// that are only added.
class Batch {
 public:
  explicit Batch(absl::Span<const Event> events) {
    for (const Event& event : events) {
      std::visit([this](const auto& record) { Add(record); }, event);
    }
  }

  // In the order of keys, or as they were added.
  template <typename Record>
  std::vector<const Record*> All() const {
    const Kept<Record>& kept = std::get<Kept<Record>>(kept_);
    if constexpr (kIsOnlyAdded<Record>) {
      return kept;
    } else {
      std::vector<const Record*> records;
      records.reserve(kept.size());
      for (const auto& [key, record] : kept) records.push_back(record);
      return records;
    }
  }

 private:
  template <typename Record>
  using Kept =
      std::conditional_t<kIsOnlyAdded<Record>, std::vector<const Record*>,
                         absl::btree_map<RecordKey<Record>, const Record*>>;

  template <typename Kinds>
  struct KeptOf;
  template <typename... Records>
  struct KeptOf<std::variant<Records...>> {
    using Type = std::tuple<Kept<Records>...>;
  };

  template <typename Record>
  void Add(const Record& record) {
    Kept<Record>& kept = std::get<Kept<Record>>(kept_);
    if constexpr (kIsOnlyAdded<Record>) {
      kept.push_back(&record);
    } else {
      kept[KeyOf(record)] = &record;
    }
  }

  KeptOf<Event>::Type kept_;
};

// The statement that takes rows away is prepared under this name.
template <typename Row>
std::string RemovalOf(const Table<Row>& table) {
  return absl::StrCat(table.name, "_removal");
}

// Each of them is there: what it counts is given back in the same transaction,
// which must not be done twice.
template <typename Row>
absl::Status RemoveRows(pqxx::work& transaction, const Table<Row>& table,
                        const std::vector<const Row*>& rows) {
  ARCHPOOL_ASSIGN_OR_RETURN(const Parameters keys,
                            table.ParametersOf(rows, /*keys_alone=*/true));
  const pqxx::result removed =
      postgres::ExecutePrepared(transaction, RemovalOf(table), keys);
  if (static_cast<size_t>(removed.affected_rows()) == rows.size()) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      "CONSTRAINT", absl::StrCat("of ", rows.size(), " rows of ", table.name,
                                 " that are to go, ", removed.affected_rows(),
                                 " were there; nothing was written"));
}

// The statement that writes rows of `table` is prepared under its name.
template <typename Row>
absl::Status WriteRows(pqxx::work& transaction, const Table<Row>& table,
                       const std::vector<const Row*>& rows) {
  ARCHPOOL_ASSIGN_OR_RETURN(const Parameters parameters,
                            table.ParametersOf(rows));
  postgres::ExecutePrepared(transaction, table.name, parameters);
  return absl::OkStatus();
}

template <typename Row>
absl::Status Write(pqxx::work& transaction, const Table<Row>& table,
                   const Batch& batch) {
  using Record = typename postgres::RecordIn<Row>::Type;
  const std::vector<const Record*> records = batch.All<Record>();
  if (records.empty()) return absl::OkStatus();
  if constexpr (Removable<Record>) {
    std::vector<const Record*> kept;
    std::vector<const Record*> gone;
    for (const Record* one : records) {
      (IsGone(*one) ? gone : kept).push_back(one);
    }
    if (!gone.empty()) {
      ARCHPOOL_RETURN_IF_ERROR(RemoveRows(transaction, table, gone));
    }
    return kept.empty() ? absl::OkStatus()
                        : WriteRows(transaction, table, kept);
  } else if constexpr (std::is_same_v<Record, Row>) {
    return WriteRows(transaction, table, records);
  } else {
    std::vector<Row> rows;
    rows.reserve(records.size());
    for (const Record* one : records) rows.push_back(postgres::RowOf(*one));
    std::vector<const Row*> pointers;
    for (const Row& row : rows) pointers.push_back(&row);
    return WriteRows(transaction, table, pointers);
  }
}

absl::Status WriteBatch(pqxx::work& transaction, const Batch& batch) {
  absl::Status status;
  const auto write = [&](const auto& table) {
    if (status.ok()) status = Write(transaction, table, batch);
  };
  std::apply([&](const auto&... tables) { (write(tables), ...); },
             postgres::EventTables());
  return status;
}

absl::Status Fenced(int64_t generation, int64_t sequence) {
  return MakeError(absl::StatusCode::kAborted, "FENCED",
                   absl::StrCat("the pool's head is no longer at generation ",
                                generation, ", sequence ", sequence,
                                ": another server took over; stop this one"));
}

// Zero: none.
void SetStatementTimeout(pqxx::connection& connection, absl::Duration timeout) {
  pqxx::nontransaction(connection)
      .exec(absl::StrCat("SET statement_timeout = ",
                         absl::ToInt64Milliseconds(timeout)));
}

absl::Status Stopping() {
  return Unavailable("STOPPED",
                     "this server stops, and makes no new connection to its "
                     "database; nothing was written");
}

template <typename Row>
void PrepareWrite(pqxx::connection& connection, const Table<Row>& table) {
  using Record = typename postgres::RecordIn<Row>::Type;
  connection.prepare(
      table.name, kIsOnlyAdded<Record> ? table.InsertSql() : table.UpsertSql());
  if constexpr (Removable<Record>) {
    connection.prepare(RemovalOf(table), table.DeleteSql());
  }
}

}  // namespace

PostgresStore::PostgresStore(std::string connection_string,
                             const Patience& patience)
    : connection_string_(std::move(connection_string)),
      patience_(patience),
      holds_(false),
      watch_(std::make_unique<postgres::StatementWatch>(patience_)) {}

PostgresStore::PostgresStore(PoolHold hold)
    : connection_string_(std::move(hold.connection_string_)),
      patience_(hold.patience_),
      holds_(true),
      watch_(std::make_unique<postgres::StatementWatch>(patience_)),
      session_(std::move(hold.session_)) {}

PostgresStore::~PostgresStore() = default;

absl::Status PostgresStore::MakeReady(WriterSession& session) {
  if (holds_ && !session.has_lock) ARCHPOOL_RETURN_IF_ERROR(HoldAgain(session));
  if (session.is_prepared) return absl::OkStatus();
  pqxx::connection& connection = *session.connection;
  // What is given up here must end there as well. Another writer's frozen
  // transaction may hold the head: it is waited for a little less long, so that
  // it is told apart.
  SetStatementTimeout(connection, patience_.statement_max);
  pqxx::nontransaction(connection)
      .exec(absl::StrCat(
          "SET lock_timeout = ",
          absl::ToInt64Milliseconds(patience_.statement_max * 5 / 6)));
  connection.prepare(kMoveHead, kMoveHeadSql);
  std::apply(
      [&](const auto&... tables) { (PrepareWrite(connection, tables), ...); },
      postgres::EventTables());
  session.is_prepared = true;
  return absl::OkStatus();
}

absl::Status PostgresStore::HoldAgain(WriterSession& session) {
  pqxx::connection& connection = *session.connection;
  if (session.backend.pid == 0) {
    session.backend = postgres::BackendOf(connection);
  }
  session.has_lock = postgres::TryPoolLock(connection);
  if (session.has_lock) return absl::OkStatus();
  const std::optional<Backend> holder = postgres::PoolLockHolder(connection);
  if (!holder) {  // it ended just now
    session.has_lock = postgres::TryPoolLock(connection);
    if (session.has_lock) return absl::OkStatus();
  } else if (const auto own =
                 std::find(left_behind_.begin(), left_behind_.end(), *holder);
             own != left_behind_.end()) {
    // As good as having it: nobody else gets it from there. Every call asks
    // again, and it is the last to be forgotten.
    std::rotate(own, own + 1, left_behind_.end());
    postgres::EndBackend(connection, *holder);
    return absl::OkStatus();
  }
  return MakeError(
      absl::StatusCode::kAborted, "FENCED",
      absl::StrCat("another server has this database now (",
                   holder ? holder->ToString() : "it began just now",
                   "): stop this one"));
}

absl::Status PostgresStore::Run(
    absl::Duration time_max,
    const std::function<absl::Status(WriterSession&)>& body) {
  bool was_cut = false;
  const absl::Status status = postgres::RunGuarded(
      [&]() -> absl::Status {
        if (session_ == nullptr) {
          if (patience_.stop.stop_requested()) return Stopping();
          auto session = std::make_unique<WriterSession>();
          session->connection = postgres::Connect(connection_string_, *watch_);
          session_ = std::move(session);
        }
        const postgres::StatementWatch::Guard guard(
            *watch_, session_->connection->sock(), time_max, &was_cut);
        ARCHPOOL_RETURN_IF_ERROR(MakeReady(*session_));
        return body(*session_);
      },
      connection_string_);
  if (!postgres::IsConnectionSound(status) && session_ != nullptr) {
    if (session_->backend.pid != 0) left_behind_.push_back(session_->backend);
    if (left_behind_.size() > kLeftBehindMax) {
      left_behind_.erase(left_behind_.begin());
    }
    session_ = nullptr;
  }
  return postgres::NameSilence(status, was_cut);
}

absl::StatusOr<LoadedPool> PostgresStore::TakeOver() {
  LoadedPool pool;
  absl::Status status =
      Run(patience_.statement_max, [&](WriterSession& session) -> absl::Status {
        pqxx::work raise(*session.connection);
        const pqxx::result head = raise.exec(kRaiseGenerationSql);
        raise.commit();
        pool.generation = head.at(0).at(0).as<int64_t>();
        pool.sequence = head.at(0).at(1).as<int64_t>();
        return absl::OkStatus();
      });
  if (status.ok()) {
    // As long as there is much to read; the watch alone bounds it.
    const absl::Duration load_max =
        kLoadStatementsMax * patience_.statement_max;
    status = Run(load_max, [&](WriterSession& session) -> absl::Status {
      SetStatementTimeout(*session.connection, absl::ZeroDuration());
      ARCHPOOL_ASSIGN_OR_RETURN(pool.snapshot,
                                postgres::Load(*session.connection));
      SetStatementTimeout(*session.connection, patience_.statement_max);
      return absl::OkStatus();
    });
  }
  if (absl::IsUnknown(status)) {
    // A raised generation in doubt does no harm: the caller raises it again.
    return Unavailable("STORE_UNREACHABLE", status.message());
  }
  if (!status.ok()) return status;
  return pool;
}

absl::Status PostgresStore::Commit(int64_t generation, int64_t sequence,
                                   absl::Span<const Event> events) {
  const Batch batch(events);
  return Run(patience_.statement_max,
             [&](WriterSession& session) -> absl::Status {
               pqxx::work transaction(*session.connection);
               const pqxx::result moved = postgres::ExecutePrepared(
                   transaction, kMoveHead,
                   {absl::StrCat(generation), absl::StrCat(sequence)});
               if (moved.affected_rows() != 1) {
                 return Fenced(generation, sequence);
               }
               ARCHPOOL_RETURN_IF_ERROR(WriteBatch(transaction, batch));
               transaction.commit();
               return absl::OkStatus();
             });
}

template <typename Row>
absl::StatusOr<std::optional<Row>> PostgresStore::FindRow(
    const Table<Row>& table, const std::string& condition,
    const Parameters& parameters) {
  std::optional<Row> found;
  ARCHPOOL_RETURN_IF_ERROR(
      Run(patience_.statement_max, [&](WriterSession& session) -> absl::Status {
        pqxx::nontransaction transaction(*session.connection);
        ARCHPOOL_ASSIGN_OR_RETURN(
            std::vector<Row> rows,
            postgres::Select(transaction, table, condition, parameters));
        if (!rows.empty()) found = std::move(rows.front());
        return absl::OkStatus();
      }));
  return found;
}

// A unique index of the table answers each condition. Those of transfers and
// payouts leave out empty request ids: only where the condition does so too
// does the planner take them.

absl::StatusOr<std::optional<Task>> PostgresStore::FindTask(
    AccountId client, const std::string& request_id) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::optional<postgres::TaskRow> row,
      FindRow(postgres::TaskTable(),
              "WHERE client_id = $1::bigint AND request_id = $2::text",
              {absl::StrCat(client.value), request_id}));
  if (!row) return std::nullopt;
  ARCHPOOL_ASSIGN_OR_RETURN(Task task, postgres::TaskOf(*row));
  return task;
}

absl::StatusOr<std::optional<TransferId>> PostgresStore::FindDeposit(
    const std::string& request_id) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::optional<Transfer> deposit,
      FindRow(postgres::TransferTable(),
              "WHERE request_id = $1::text AND request_id <> ''",
              {request_id}));
  return deposit ? std::optional(deposit->id) : std::nullopt;
}

absl::StatusOr<std::optional<Payout>> PostgresStore::FindPayout(
    AccountId account, const std::string& request_id) {
  return FindRow(postgres::PayoutTable(),
                 "WHERE account_id = $1::bigint AND request_id = $2::text"
                 " AND request_id <> ''",
                 {absl::StrCat(account.value), request_id});
}

absl::StatusOr<std::optional<DatasetRecord>> PostgresStore::FindDataset(
    const Digest& id) {
  return FindRow(postgres::DatasetTable(), "WHERE id = decode($1::text, 'hex')",
                 {id.ToString()});
}

}  // namespace archpool
