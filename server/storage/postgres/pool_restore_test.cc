// SPDX-License-Identifier: Apache-2.0
// What a restore leaves in a database, and a dump on its way out and in.
#include "server/storage/postgres/pool_restore.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/storage/postgres/database_dump.h"
#include "server/storage/postgres/database_snapshot.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/postgres_programs.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/storage/postgres/query.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

const absl::Time kSnapshot = absl::FromUnixSeconds(1'700'000'000);

void Do(const std::string& database, const std::string& sql) {
  const auto connection = postgres::Connect(database);
  pqxx::work transaction(*connection);
  transaction.exec(sql);
  transaction.commit();
}

std::string Ask(const std::string& database, const std::string& sql) {
  const auto connection = postgres::Connect(database);
  pqxx::nontransaction transaction(*connection);
  return transaction.exec(sql).at(0).at(0).c_str();
}

constexpr char kAccountSql[] =
    "INSERT INTO account (id, name, role, token_hash, state, trials_accepted,"
    " trials_rejected, trials_abandoned, rejections_in_a_row, shows_name,"
    " is_public) VALUES (7, 'alice', 'miner', decode(repeat('01', 32), 'hex'),"
    " 'active', 0, 0, 0, 0, true, NULL)";

std::string PayoutSql(int id, const std::string& state) {
  return absl::StrCat(
      "INSERT INTO payout (id, account_id, amount, address, rail_key, state,"
      " attempt, create_time, end_time, reason) VALUES (",
      id, ", 7, 5, 'addr', decode(repeat('0", id, "', 32), 'hex'), '", state,
      "', 0, 'epoch', ", state == "settled" ? "'epoch'" : "NULL", ", '')");
}

RestoreNote NoteOf(absl::Duration lost) {
  return {.number = 0,
          .backup = "000001",
          .snapshot_time = kSnapshot,
          .restore_time = kSnapshot + lost};
}

TEST(PoolRestoreTest, IdsGoOnAboveWhatWasGivenOutMeanwhile) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  Do(database, kAccountSql);
  PostgresStore store(database);
  EXPECT_EQ(store.TakeOver()->snapshot.last_ids.account, 7);
  ASSERT_EQ(*NoteRestore(database, NoteOf(absl::Hours(1))), 1);
  const auto first = store.TakeOver();
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->snapshot.last_ids.account, 7 + 100 + 60);
  EXPECT_EQ(first->snapshot.last_ids.trial, 1'000'000 + 3'600'000);
  EXPECT_EQ(first->snapshot.last_ids.receipt,
            first->snapshot.last_ids.transfer);
  // Again, of what was made since.
  ASSERT_EQ(*NoteRestore(database, NoteOf(absl::ZeroDuration())), 2);
  const auto second = store.TakeOver();
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->snapshot.last_ids.trial, 2'000'000 + 3'600'000);
  EXPECT_GT(second->generation, first->generation + 1'000);
}

// One backup, restored twice: what the first restored pool made is not made
// again by the second, which is restored later.
TEST(PoolRestoreTest, TwoRestoresOfOneBackupGiveOutOtherIds) {
  int64_t last[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    const std::string database = ThrowawayPostgres::MigratedDatabase();
    ASSERT_THAT(NoteRestore(database, NoteOf(absl::Minutes(10 + i))), IsOk());
    last[i] = PostgresStore(database).TakeOver()->snapshot.last_ids.trial;
  }
  EXPECT_EQ(last[1] - last[0], 60 * kIdsSkippedPerSecond);
}

TEST(PoolRestoreTest, PayoutsAreHeldAndInDoubtUntilAllIsBooked) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  EXPECT_EQ(*FindPayoutHold(database), std::nullopt);
  Do(database, kAccountSql);
  const std::vector<std::string> states = {"waiting", "sending", "unknown",
                                           "sent", "settled"};
  for (size_t i = 0; i < states.size(); ++i) {
    Do(database, PayoutSql(static_cast<int>(i) + 1, states[i]));
  }
  ASSERT_THAT(NoteRestore(database, NoteOf(absl::Hours(1))), IsOk());
  EXPECT_EQ(
      Ask(database, "SELECT string_agg(state, ' ' ORDER BY id) FROM payout"),
      "unknown unknown unknown sent settled");
  const auto held = FindPayoutHold(database);
  ASSERT_THAT(held, IsOk());
  ASSERT_TRUE(held->has_value());
  EXPECT_EQ((*held)->snapshot_time, kSnapshot);
  ASSERT_THAT(EndPayoutHold(database, kSnapshot + absl::Hours(2)), IsOk());
  EXPECT_EQ(*FindPayoutHold(database), std::nullopt);
}

TEST(PoolRestoreTest, FindsTheKeysThatTheBooksHave) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  Do(database, kAccountSql);
  Do(database, PayoutSql(1, "waiting"));
  const Digest by_hand = Sha256("by hand");
  Do(database, PayoutSql(2, "settled"));
  std::string hex;
  for (int i = 0; i < 32; ++i) hex += "01";
  const Digest known = *Digest::Parse(hex);
  const auto found =
      FindPayoutKeys(database, {known, by_hand, Sha256("stranger")});
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT(*found, testing::ElementsAre(known));
  EXPECT_TRUE(FindPayoutKeys(database, {})->empty());
}

// As a backup and a restore do, between two databases.
TEST(PoolRestoreTest, ADumpHoldsTheSnapshotAndNothingLater) {
  const std::string from = ThrowawayPostgres::MigratedDatabase();
  Do(from, kAccountSql);
  const auto snapshot = DatabaseSnapshot::Take(from);
  ASSERT_THAT(snapshot, IsOk());
  const SnapshotFacts& facts = (*snapshot)->facts();
  EXPECT_EQ(facts.schema_version,
            static_cast<int64_t>(EmbeddedMigrations().size()));
  EXPECT_EQ(facts.schema, "public");
  EXPECT_GT(facts.database_bytes, 0);
  Do(from, "UPDATE account SET name = 'later'");

  const TemporaryDirectory directory;
  const auto programs = postgres::FindClientPrograms(facts.postgres_major);
  ASSERT_THAT(programs, IsOk());
  DumpOptions options{.connection_string = from,
                      .programs = *programs,
                      .path = directory.path() + "/dump",
                      .log_path = directory.path() + "/log",
                      .schema = facts.schema,
                      .snapshot = (*snapshot)->id(),
                      .stop = {}};
  ASSERT_THAT(DumpDatabase(options), IsOk());
  const std::string to = ThrowawayPostgres::EmptyDatabase();
  ASSERT_TRUE(ReadDatabaseFacts(to)->is_empty);
  options.connection_string = to;
  ASSERT_THAT(LoadDump(options), IsOk());
  EXPECT_FALSE(ReadDatabaseFacts(to)->is_empty);
  EXPECT_EQ(Ask(to, "SELECT name FROM account"), "alice");
  EXPECT_THAT(Migrate(to), IsOk()) << "it is this program's schema";
  EXPECT_THAT(LoadDump(options), FailsWith("RESTORE_FAILED"))
      << "it is not empty any more";
  options.path = directory.path() + "/none";
  EXPECT_THAT(LoadDump(options), FailsWith("RESTORE_FAILED"));
}

TEST(PoolRestoreTest, ASnapshotSaysWhichBlobsAreNeeded) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  Do(database, kAccountSql);
  Do(database,
     "INSERT INTO stored_file (account_id, digest, size_bytes, create_time)"
     " VALUES (7, decode(repeat('0a', 32), 'hex'), 1, 'epoch')");
  const auto snapshot = DatabaseSnapshot::Take(database);
  ASSERT_THAT(snapshot, IsOk());
  const auto blobs = (*snapshot)->Blobs();
  ASSERT_THAT(blobs, IsOk());
  ASSERT_EQ(blobs->size(), 1U);
  EXPECT_TRUE(blobs->front().is_needed);
  EXPECT_THAT(DatabaseSnapshot::Take(ThrowawayPostgres::EmptyDatabase()),
              FailsWith("DATABASE_EMPTY"));
}

}  // namespace
}  // namespace archpool
