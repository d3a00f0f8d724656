#include "server/storage/postgres/postgres_store.h"

#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/storage/postgres/load.h"
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/statement_watch.h"

namespace archpool {
namespace {

using postgres::Parameters;
using postgres::Table;

constexpr int kLoadStatementsMax = 21;
constexpr char kMoveHead[] = "move_head";
constexpr char kMoveHeadSql[] =
    "UPDATE pool_head SET sequence = sequence + 1"
    " WHERE epoch = $1::bigint AND sequence = $2::bigint";
constexpr char kRaiseEpochSql[] =
    "UPDATE pool_head SET epoch = epoch + 1 RETURNING epoch, sequence";

AccountId KeyOf(const Account& record) { return record.id; }
Digest KeyOf(const DatasetRecord& record) { return record.id; }
TaskId KeyOf(const Task& record) { return record.id; }
SubspaceId KeyOf(const SubspaceRecord& record) { return record.id; }
SessionId KeyOf(const Session& record) { return record.id; }
LeaseId KeyOf(const Lease& record) { return record.id; }
TrialId KeyOf(const Trial& record) { return record.id; }
AuditId KeyOf(const Audit& record) { return record.id; }
PayoutId KeyOf(const Payout& record) { return record.id; }
Place KeyOf(const Balance& record) { return record.place; }
TaskId KeyOf(const Ranking& record) { return record.task; }
int KeyOf(const PoolClock&) { return 1; }  // there is one
VerifierKey KeyOf(const VerifierRecord& record) { return record.key; }
std::pair<AccountId, int64_t> KeyOf(const Owed& record) {
  return {record.account, record.position};
}

// The last event of each record. Transfers and receipts are all kept: each is a
// row.
class Batch {
 public:
  explicit Batch(absl::Span<const Event> events) {
    for (const Event& event : events) {
      std::visit([this](const auto& record) { Add(record); }, event);
    }
  }

  template <typename Record>
  std::vector<const Record*> All() const {
    std::vector<const Record*> records;
    for (const auto& [key, record] : std::get<Last<Record>>(last_)) {
      records.push_back(record);
    }
    return records;
  }
  const std::vector<const Transfer*>& transfers() const { return transfers_; }
  const std::vector<const Receipt*>& receipts() const { return receipts_; }

 private:
  template <typename Record>
  using Last =
      absl::btree_map<decltype(KeyOf(std::declval<Record>())), const Record*>;

  template <typename Record>
  void Add(const Record& record) {
    std::get<Last<Record>>(last_)[KeyOf(record)] = &record;
  }
  void Add(const Transfer& transfer) { transfers_.push_back(&transfer); }
  void Add(const Receipt& receipt) { receipts_.push_back(&receipt); }

  std::tuple<Last<Account>, Last<DatasetRecord>, Last<Task>,
             Last<SubspaceRecord>, Last<Session>, Last<Lease>, Last<Trial>,
             Last<Audit>, Last<Balance>, Last<Ranking>, Last<Payout>,
             Last<Owed>, Last<PoolClock>, Last<VerifierRecord>>
      last_;
  std::vector<const Transfer*> transfers_;
  std::vector<const Receipt*> receipts_;
};

// The statement that writes rows of `table` is prepared under its name.
template <typename Row>
absl::Status Write(pqxx::work& transaction, const Table<Row>& table,
                   const std::vector<const Row*>& rows) {
  if (rows.empty()) return absl::OkStatus();
  ARCHPOOL_ASSIGN_OR_RETURN(const Parameters parameters,
                            table.ParametersOf(rows));
  postgres::ExecutePrepared(transaction, table.name, parameters);
  return absl::OkStatus();
}

// For records that are stored as another row type.
template <typename Record, typename Row>
absl::Status WriteRows(pqxx::work& transaction, const Table<Row>& table,
                       const std::vector<const Record*>& records) {
  std::vector<Row> rows;
  rows.reserve(records.size());
  for (const Record* record : records) rows.push_back(postgres::RowOf(*record));
  std::vector<const Row*> pointers;
  for (const Row& row : rows) pointers.push_back(&row);
  return Write(transaction, table, pointers);
}

// Referenced tables first.
absl::Status WriteBatch(pqxx::work& transaction, const Batch& batch) {
  using namespace postgres;  // NOLINT: the tables' names
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, AccountTable(), batch.All<Account>()));
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, DatasetTable(), batch.All<DatasetRecord>()));
  ARCHPOOL_RETURN_IF_ERROR(
      WriteRows(transaction, TaskTable(), batch.All<Task>()));
  ARCHPOOL_RETURN_IF_ERROR(
      WriteRows(transaction, SubspaceTable(), batch.All<SubspaceRecord>()));
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, SessionTable(), batch.All<archpool::Session>()));
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, LeaseTable(), batch.All<Lease>()));
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, TrialTable(), batch.All<Trial>()));
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, AuditTable(), batch.All<Audit>()));
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, BalanceTable(), batch.All<Balance>()));
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, PayoutTable(), batch.All<Payout>()));
  ARCHPOOL_RETURN_IF_ERROR(
      WriteRows(transaction, RankingTable(), batch.All<Ranking>()));
  ARCHPOOL_RETURN_IF_ERROR(Write(transaction, OwedTable(), batch.All<Owed>()));
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, ClockTable(), batch.All<PoolClock>()));
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, VerifierTable(), batch.All<VerifierRecord>()));
  ARCHPOOL_RETURN_IF_ERROR(
      Write(transaction, ReceiptTable(), batch.receipts()));
  return Write(transaction, TransferTable(), batch.transfers());
}

absl::Status Fenced(int64_t epoch, int64_t sequence) {
  return MakeError(absl::StatusCode::kAborted, "FENCED",
                   absl::StrCat("the pool's head is no longer at epoch ", epoch,
                                ", sequence ", sequence,
                                ": another server took over; stop this one"));
}

template <typename Row>
void PrepareUpsert(pqxx::connection& connection, const Table<Row>& table) {
  connection.prepare(table.name, table.UpsertSql());
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
  PrepareUpsert(connection, postgres::AccountTable());
  PrepareUpsert(connection, postgres::DatasetTable());
  PrepareUpsert(connection, postgres::TaskTable());
  PrepareUpsert(connection, postgres::SubspaceTable());
  PrepareUpsert(connection, postgres::SessionTable());
  PrepareUpsert(connection, postgres::LeaseTable());
  PrepareUpsert(connection, postgres::TrialTable());
  PrepareUpsert(connection, postgres::AuditTable());
  PrepareUpsert(connection, postgres::BalanceTable());
  PrepareUpsert(connection, postgres::RankingTable());
  PrepareUpsert(connection, postgres::PayoutTable());
  PrepareUpsert(connection, postgres::OwedTable());
  PrepareUpsert(connection, postgres::ClockTable());
  PrepareUpsert(connection, postgres::VerifierTable());
  connection.prepare(postgres::ReceiptTable().name,
                     postgres::ReceiptTable().InsertSql());
  connection.prepare(postgres::TransferTable().name,
                     postgres::TransferTable().InsertSql());
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
      const pqxx::result head = raise.exec(kRaiseEpochSql);
      raise.commit();
      pool.epoch = head.at(0).at(0).as<int64_t>();
      pool.sequence = head.at(0).at(1).as<int64_t>();
    }
    // As long as there is much to read.
    const auto guard = session.Watched(kLoadStatementsMax * statement_max_);
    ARCHPOOL_ASSIGN_OR_RETURN(pool.snapshot, postgres::Load(connection));
    return absl::OkStatus();
  });
  if (!postgres::IsConnectionSound(status)) session_ = nullptr;
  if (absl::IsUnknown(status)) {
    // A raised epoch in doubt does no harm: the caller raises it again.
    return Unavailable("STORE_UNREACHABLE", status.message());
  }
  if (!status.ok()) return status;
  return pool;
}

absl::Status PostgresStore::Commit(int64_t epoch, int64_t sequence,
                                   absl::Span<const Event> events) {
  const Batch batch(events);
  const absl::Status status = postgres::RunGuarded([&]() -> absl::Status {
    Session& session = Connected();
    const auto guard = session.Watched(statement_max_);
    pqxx::work transaction(*session.connection);
    const pqxx::result moved = postgres::ExecutePrepared(
        transaction, kMoveHead, {absl::StrCat(epoch), absl::StrCat(sequence)});
    if (moved.affected_rows() != 1) return Fenced(epoch, sequence);
    ARCHPOOL_RETURN_IF_ERROR(WriteBatch(transaction, batch));
    transaction.commit();
    return absl::OkStatus();
  });
  if (!postgres::IsConnectionSound(status)) session_ = nullptr;
  return status;
}

}  // namespace archpool
