// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/postgres_store.h"

#include <signal.h>

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/model/limits.h"
#include "server/core/pool.h"
#include "server/storage/postgres/postgres_reader.h"
#include "server/storage/postgres/postgres_receipts.h"
#include "server/storage/postgres/query.h"
#include "server/storage/store_conformance.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_writer.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

void RunSql(const std::string& connection_string, const std::string& sql) {
  const auto connection = postgres::Connect(connection_string);
  pqxx::nontransaction transaction(*connection);
  transaction.exec(sql);
}

class PostgresBackend : public StoreBackend {
 public:
  Store& NewWriter() override {
    writers_.push_back(std::make_unique<PostgresStore>(connection_string_));
    return *writers_.back();
  }
  Reader& reader() override { return reader_; }
  ReceiptStore& receipts() override { return receipts_; }
  void Tamper(const Balance& balance) override {
    RunSql(connection_string_,
           absl::StrCat("UPDATE balance SET amount = ", balance.amount,
                        " WHERE kind = '", ToString(balance.place.kind),
                        "' AND place_id = ", balance.place.id));
  }

 private:
  std::string connection_string_ = ThrowawayPostgres::MigratedDatabase();
  std::vector<std::unique_ptr<PostgresStore>> writers_;
  PostgresReader reader_{connection_string_, 4};
  PostgresReceipts receipts_{connection_string_};
};

INSTANTIATE_TEST_SUITE_P(Postgres, StoreConformanceTest, ::testing::Values([] {
                           return std::make_unique<PostgresBackend>();
                         }));

constexpr char kEndOtherSessions[] =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()";

TEST(PostgresStoreTest, UnreachableDatabaseIsUnavailable) {
  PostgresStore store("host=/nonexistent dbname=archpool");
  EXPECT_THAT(store.TakeOver(), FailsWith("STORE_UNREACHABLE"));
  EXPECT_THAT(store.Commit(1, 0, {}), FailsWith("STORE_UNREACHABLE"));
  PostgresReader reader("host=/nonexistent dbname=archpool", 1);
  EXPECT_THAT(reader.Accounts(), FailsWith("STORE_UNREACHABLE"));
  PostgresReceipts receipts("host=/nonexistent dbname=archpool");
  EXPECT_THAT(receipts.Open(1), FailsWith("STORE_UNREACHABLE"));
}

// A database that is away is named as such soon, and what an operator says in
// the URL counts.
TEST(PostgresStoreTest, TheUrlsOwnPatienceCounts) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  const auto connection =
      postgres::Connect(absl::StrCat(database, " keepalives_idle=99"));
  EXPECT_TRUE(connection->is_open());
  PostgresStore store("postgresql://127.0.0.1:1/archpool?connect_timeout=2");
  EXPECT_THAT(store.TakeOver(), FailsWith("STORE_UNREACHABLE"));
}

// A connection that broke costs one commit, which wrote nothing.
TEST(PostgresStoreTest, WriterReconnectsAfterItsConnectionBroke) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  PostgresStore store(database);
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  RunSql(database, kEndOtherSessions);
  EXPECT_THAT(store.Commit(loaded->generation, 0, {}),
              FailsWith("STORE_UNREACHABLE"));
  EXPECT_THAT(store.Commit(loaded->generation, 0, {}), IsOk());
}

// A backend that was stopped answers nothing, and its socket stays open. The
// writer gives it up, and goes on over another.
TEST(PostgresStoreTest, AFrozenBackendIsGivenUp) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  PostgresStore store(database, Patience{.statement_max = absl::Seconds(1)});
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  const auto connection = postgres::Connect(database);
  pqxx::nontransaction look(*connection);
  const auto pid = look.exec(
                           "SELECT pid FROM pg_stat_activity WHERE datname ="
                           " current_database() AND pid <> pg_backend_pid()")
                       .at(0)
                       .at(0)
                       .as<pid_t>();
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  const absl::Cleanup go_on = [pid] { kill(pid, SIGCONT); };
  EXPECT_FALSE(store.Commit(loaded->generation, loaded->sequence, {}).ok());
  EXPECT_THAT(store.Commit(loaded->generation, loaded->sequence, {}), IsOk());
}

// So does a reader, and what is to stop gives up sooner.
TEST(PostgresStoreTest, AFrozenBackendIsGivenUpByReaders) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  std::stop_source stop;
  PostgresReader reader(database, 1,
                        {.statement_max = absl::Minutes(10),
                         .stop = stop.get_token(),
                         .stop_grace = absl::Milliseconds(500)});
  ASSERT_THAT(reader.Accounts(), IsOk());
  const auto connection = postgres::Connect(database);
  pqxx::nontransaction look(*connection);
  const auto pid = look.exec(
                           "SELECT pid FROM pg_stat_activity WHERE datname ="
                           " current_database() AND pid <> pg_backend_pid()")
                       .at(0)
                       .at(0)
                       .as<pid_t>();
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  const absl::Cleanup go_on = [pid] { kill(pid, SIGCONT); };
  stop.request_stop();
  EXPECT_THAT(reader.Accounts(), FailsWith("STORE_SILENT"));
  EXPECT_THAT(reader.Accounts(), IsOk()) << "on another connection";
}

// Where PostgreSQL has no connection to spare, reads share those there are.
TEST(PostgresStoreTest, ReadersShareWhatConnectionsThereAre) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  RunSql(database, "CREATE ROLE narrow LOGIN CONNECTION LIMIT 1");
  RunSql(database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO narrow");
  PostgresReader reader(
      absl::StrReplaceAll(database, {{"user=archpool", "user=narrow"}}), 4);
  ASSERT_THAT(reader.Accounts(), IsOk());
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&reader] {
      for (int j = 0; j < 20; ++j) EXPECT_THAT(reader.Accounts(), IsOk());
    });
  }
  for (std::thread& caller : callers) caller.join();
}

// A read is asked again on a fresh connection: nobody notices.
TEST(PostgresStoreTest, ReaderOutlivesItsConnections) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  PostgresReader reader(database, 2);
  ASSERT_THAT(reader.Accounts(), IsOk());
  RunSql(database, kEndOtherSessions);
  EXPECT_THAT(reader.Accounts(), IsOk());
}

TEST(PostgresStoreTest, TransfersAreAppendOnlyInTheDatabaseItself) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  PostgresStore store(database);
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  const Transfer transfer{.id = {1},
                          .from = Place::Outside(),
                          .to = Place::Fees(),
                          .amount = 1,
                          .create_time = absl::UnixEpoch()};
  ASSERT_THAT(store.Commit(loaded->generation, 0, {transfer}), IsOk());
  for (const char* sql : {"UPDATE transfer SET amount = 2",
                          "DELETE FROM transfer", "TRUNCATE transfer"}) {
    const absl::Status status = postgres::RunGuarded([&] {
      RunSql(database, sql);
      return absl::OkStatus();
    });
    EXPECT_THAT(status, FailsWith("CONSTRAINT")) << sql;
    EXPECT_THAT(std::string(status.message()), HasSubstr("append-only"));
  }
}

// Texts that PostgreSQL cannot hold are refused like any bad row, and do not
// cut anything short.
TEST(PostgresStoreTest, ImpossibleTextsAreRefused) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  PostgresStore store(database);
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  for (const std::string& name :
       {std::string("nul\0inside", 10), std::string("not utf-8 \xff\xfe")}) {
    EXPECT_THAT(
        store.Commit(loaded->generation, 0, {Account{.id = {1}, .name = name}}),
        FailsWith("CONSTRAINT"));
  }
  EXPECT_THAT(
      store.Commit(loaded->generation, 0, {Account{.id = {1}, .name = "a"}}),
      IsOk());
}

TEST(PostgresStoreTest, CorruptSpecIsNotLoaded) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  RunSql(database,
         "INSERT INTO account VALUES (1, 'c', 'client', "
         "decode(repeat('00', 32), 'hex'), 'active', 0, 0, 0, 0);"
         "INSERT INTO dataset VALUES (decode(repeat('11', 32), 'hex'), 1, 1, "
         "1, 1, 1, 1, 1, 1, decode(repeat('11', 32), 'hex'), "
         "decode(repeat('11', 32), 'hex'), decode(repeat('11', 32), 'hex'), "
         "1, 1);"
         "INSERT INTO task VALUES (1, 1, 'r', '\\x08', 'n', "
         "decode(repeat('11', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'),"
         "1, 'active', 'none', now(), now(), NULL, 0, 0, 0, 0, 0)");
  PostgresStore store(database);
  EXPECT_THAT(store.TakeOver(), FailsWith("STORE_CORRUPT"));
  PostgresReader reader(database, 1);
  EXPECT_THAT(reader.GetTask(TaskId{1}), FailsWith("STORE_CORRUPT"));
}

// A limit that was narrowed since a task came in refuses new tasks, and does
// not keep the server from the tasks that it has.
TEST(PostgresStoreTest, ATaskBeyondANarrowedLimitIsLoaded) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  SmallPool pool;
  TaskSpec spec = *pool.task.spec;
  spec.name = std::string(limits::kTaskNameLength.max + 1, 'a');
  spec.recipe.batch_size = limits::kBatchSize.max + 1;
  spec.trials_per_lease = limits::kTrialsPerLease.max + 1;
  ASSERT_FALSE(spec.Validate().ok());
  pool.task.spec = std::make_shared<const TaskSpec>(spec);
  PostgresStore store(database);
  {
    Writer writer(store);
    ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  }
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  const Pool started(PoolPolicy(), loaded->snapshot);
  const Task* const task = started.state().Find(TaskId{1});
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->spec->recipe.batch_size, spec.recipe.batch_size);
  PostgresReader reader(database, 1);
  EXPECT_THAT(reader.GetTask(TaskId{1}), IsOk());
}

// A payout's state moves, its terms do not, and none is taken away.
TEST(PostgresStoreTest, ThePayoutsTermsHoldInTheDatabaseItself) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  const SmallPool pool;
  PostgresStore store(database);
  Writer writer(store);
  ASSERT_THAT(writer.Commit(pool.Events()), IsOk());
  ASSERT_THAT(writer.Commit({pool.payout}), IsOk());
  for (const char* sql : {"UPDATE payout SET amount = 2", "DELETE FROM payout",
                          "TRUNCATE payout CASCADE"}) {
    const absl::Status status = postgres::RunGuarded([&] {
      RunSql(database, sql);
      return absl::OkStatus();
    });
    EXPECT_THAT(status, FailsWith("CONSTRAINT")) << sql;
    EXPECT_THAT(std::string(status.message()), HasSubstr("refused")) << sql;
  }
  Payout sent = pool.payout;
  sent.state = PayoutState::kSent;
  EXPECT_THAT(writer.Commit({sent}), IsOk());
}

// A database without the schema is our mistake, not the network's.
TEST(PostgresStoreTest, MissingSchemaIsInternal) {
  PostgresStore store(ThrowawayPostgres::EmptyDatabase());
  EXPECT_THAT(store.TakeOver(), FailsWith("STORE_QUERY"));
}

}  // namespace
}  // namespace archpool
