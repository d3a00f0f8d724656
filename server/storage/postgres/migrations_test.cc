// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/migrations.h"

#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "server/storage/postgres/query.h"
#include "tests/support/status_matchers.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

const Migration kFirst = {"V001__create_a.sql", "CREATE TABLE a (x bigint)"};
const Migration kSecond = {"V002__fill_a.sql", "INSERT INTO a VALUES (1), (2)"};

int64_t CountOf(const std::string& database, const std::string& table) {
  const auto connection = postgres::Connect(database);
  pqxx::nontransaction transaction(*connection);
  return transaction.exec("SELECT count(*) FROM " + table)
      .at(0)
      .at(0)
      .as<int64_t>();
}

TEST(MigrationsTest, EmbeddedOnesMakeTheSchema) {
  ASSERT_FALSE(EmbeddedMigrations().empty());
  EXPECT_EQ(EmbeddedMigrations()[0].file_name, "V001__create_pool.sql");
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  ASSERT_THAT(Migrate(database), IsOk());
  EXPECT_EQ(CountOf(database, "pool_head"), 1);
  EXPECT_EQ(CountOf(database, "schema_migration"),
            static_cast<int64_t>(EmbeddedMigrations().size()));
}

TEST(MigrationsTest, EachIsAppliedOnce) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  ASSERT_THAT(Migrate(database, {kFirst}), IsOk());
  ASSERT_THAT(Migrate(database, {kFirst, kSecond}), IsOk());
  ASSERT_THAT(Migrate(database, {kFirst, kSecond}), IsOk());
  EXPECT_EQ(CountOf(database, "a"), 2);
}

// Servers that start at the same time: the lock lets one of them work.
TEST(MigrationsTest, ConcurrentRunsApplyOnce) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  std::vector<absl::Status> statuses(4);
  std::vector<std::thread> threads;
  for (absl::Status& status : statuses) {
    threads.emplace_back([&] {
      status = Migrate(database, {kFirst, kSecond});
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) EXPECT_THAT(status, IsOk());
  EXPECT_EQ(CountOf(database, "a"), 2);
}

TEST(MigrationsTest, EditedFileIsRefused) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  ASSERT_THAT(Migrate(database, {kFirst}), IsOk());
  Migration edited = kFirst;
  edited.sql += " -- harmless?";
  const absl::Status status = Migrate(database, {edited, kSecond});
  EXPECT_THAT(status, FailsWith("MIGRATION_EDITED"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(kFirst.file_name));
  EXPECT_EQ(CountOf(database, "a"), 0);
  Migration renamed = kFirst;
  renamed.file_name = "V001__create_b.sql";
  EXPECT_THAT(Migrate(database, {renamed}), FailsWith("MIGRATION_EDITED"));
}

TEST(MigrationsTest, NewerDatabaseIsRefused) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  ASSERT_THAT(Migrate(database, {kFirst, kSecond}), IsOk());
  EXPECT_THAT(Migrate(database, {kFirst}), FailsWith("DATABASE_TOO_NEW"));
}

TEST(MigrationsTest, DatabaseOfAnotherProgramIsRefused) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  const auto run = [&](const std::string& sql) {
    const auto connection = postgres::Connect(database);
    pqxx::work transaction(*connection);
    transaction.exec(sql);
    transaction.commit();
  };
  run("CREATE TABLE tasks (x bigint)");
  const absl::Status status = Migrate(database, {kFirst});
  EXPECT_THAT(status, FailsWith("DATABASE_FOREIGN"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'tasks'"));
  run("DROP TABLE tasks; CREATE VIEW one AS SELECT 1");
  ASSERT_THAT(Migrate(database, {kFirst}), IsOk());
  run("CREATE TABLE tasks (x bigint)");
  EXPECT_THAT(Migrate(database, {kFirst, kSecond}), IsOk()) << "it is ours";
}

// What failed leaves nothing behind, what came before it stays, and a corrected
// file continues from there.
TEST(MigrationsTest, FailedFileIsRolledBackWhole) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  const Migration broken = {"V002__fill_a.sql",
                            "INSERT INTO a VALUES (1); SELECT no_such_thing"};
  const absl::Status status = Migrate(database, {kFirst, broken});
  EXPECT_THAT(status, FailsWith("MIGRATION_FAILED"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no_such_thing"));
  EXPECT_EQ(CountOf(database, "a"), 0);
  EXPECT_EQ(CountOf(database, "schema_migration"), 1);
  ASSERT_THAT(Migrate(database, {kFirst, kSecond}), IsOk());
  EXPECT_EQ(CountOf(database, "a"), 2);
}

TEST(MigrationsTest, MisnumberedFilesAreRefusedBeforeAnythingRuns) {
  for (const std::string name :
       {"V002__a.sql", "V1.sql", "001__a.sql", "V001__a.txt", "Vx__a.sql"}) {
    EXPECT_THAT(Migrate("host=/nonexistent", {{name, "SELECT 1"}}),
                FailsWith("MIGRATION_NAME"))
        << name;
  }
  EXPECT_THAT(Migrate("host=/nonexistent", {kFirst, kFirst}),
              FailsWith("MIGRATION_NAME"));
  EXPECT_THAT(Migrate("host=/nonexistent", {kFirst}),
              FailsWith("STORE_UNREACHABLE"));
}

// Another server migrates, or a pooled connection kept the lock of one that is
// gone: that is said, and a stop is heard.
TEST(MigrationsLockTest, ALockThatAnotherHoldsIsSaidAndCanBeGivenUp) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  auto holder = postgres::Connect(database);
  {
    pqxx::nontransaction lock(*holder);
    lock.exec("SELECT pg_advisory_lock(7021784069238124396)");
  }
  std::stop_source stop;
  int waits = 0;
  const MigrateOptions options{.stop = stop.get_token(), .on_wait = [&] {
                                 ++waits;
                                 stop.request_stop();
                               }};
  EXPECT_THAT(Migrate(database, {kFirst}, options), FailsWith("STOPPED"));
  EXPECT_EQ(waits, 1);
  holder.reset();
  EXPECT_THAT(Migrate(database, {kFirst}), IsOk());
}

}  // namespace
}  // namespace archpool
