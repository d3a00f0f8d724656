// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/postgres_store.h"

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
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/statement_watch.h"

namespace archpool {
namespace {

using postgres::Parameters;
using postgres::Table;

// About one for each table, and some for ids.
constexpr int kLoadStatementsMax = 5 + std::variant_size_v<Event>;
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
  if constexpr (std::is_same_v<Record, Row>) {
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

template <typename Row>
void PrepareWrite(pqxx::connection& connection, const Table<Row>& table) {
  using Record = typename postgres::RecordIn<Row>::Type;
  connection.prepare(
      table.name, kIsOnlyAdded<Record> ? table.InsertSql() : table.UpsertSql());
}

}  // namespace

struct PostgresStore::Session {
  std::unique_ptr<pqxx::connection> connection;
  postgres::StatementWatch watch;

  [[nodiscard]] postgres::StatementWatch::Guard Watched(
      absl::Duration time_max) {
    return {watch, connection->sock(), time_max};
  }
};

PostgresStore::PostgresStore(std::string connection_string,
                             absl::Duration statement_max)
    : connection_string_(std::move(connection_string)),
      statement_max_(statement_max) {}

PostgresStore::~PostgresStore() = default;

PostgresStore::Session& PostgresStore::Connected() {
  if (session_ != nullptr) return *session_;
  auto session = std::make_unique<Session>();
  session->connection = postgres::Connect(connection_string_);
  pqxx::connection& connection = *session->connection;
  const auto guard = session->Watched(statement_max_);
  // Another writer's frozen transaction may hold the head.
  pqxx::nontransaction(connection).exec("SET lock_timeout = '30s'");
  connection.prepare(kMoveHead, kMoveHeadSql);
  std::apply(
      [&](const auto&... tables) { (PrepareWrite(connection, tables), ...); },
      postgres::EventTables());
  session_ = std::move(session);
  return *session_;
}

absl::StatusOr<LoadedPool> PostgresStore::TakeOver() {
  LoadedPool pool;
  const absl::Status status = postgres::RunGuarded([&]() -> absl::Status {
    Session& session = Connected();
    pqxx::connection& connection = *session.connection;
    {
      const auto guard = session.Watched(statement_max_);
      pqxx::work raise(connection);
      const pqxx::result head = raise.exec(kRaiseGenerationSql);
      raise.commit();
      pool.generation = head.at(0).at(0).as<int64_t>();
      pool.sequence = head.at(0).at(1).as<int64_t>();
    }
    // As long as there is much to read.
    const auto guard = session.Watched(kLoadStatementsMax * statement_max_);
    ARCHPOOL_ASSIGN_OR_RETURN(pool.snapshot, postgres::Load(connection));
    return absl::OkStatus();
  });
  if (!postgres::IsConnectionSound(status)) session_ = nullptr;
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
  const absl::Status status = postgres::RunGuarded([&]() -> absl::Status {
    Session& session = Connected();
    const auto guard = session.Watched(statement_max_);
    pqxx::work transaction(*session.connection);
    const pqxx::result moved = postgres::ExecutePrepared(
        transaction, kMoveHead,
        {absl::StrCat(generation), absl::StrCat(sequence)});
    if (moved.affected_rows() != 1) return Fenced(generation, sequence);
    ARCHPOOL_RETURN_IF_ERROR(WriteBatch(transaction, batch));
    transaction.commit();
    return absl::OkStatus();
  });
  if (!postgres::IsConnectionSound(status)) session_ = nullptr;
  return status;
}

template <typename Row>
absl::StatusOr<std::optional<Row>> PostgresStore::FindRow(
    const Table<Row>& table, const std::string& condition,
    const Parameters& parameters) {
  std::optional<Row> found;
  const absl::Status status = postgres::RunGuarded([&]() -> absl::Status {
    Session& session = Connected();
    const auto guard = session.Watched(statement_max_);
    pqxx::nontransaction transaction(*session.connection);
    ARCHPOOL_ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        postgres::Select(transaction, table, condition, parameters));
    if (!rows.empty()) found = std::move(rows.front());
    return absl::OkStatus();
  });
  if (!postgres::IsConnectionSound(status)) session_ = nullptr;
  if (!status.ok()) return status;
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
