// SPDX-License-Identifier: Apache-2.0
// A database of any earlier version, with work in progress, moves forward and
// is served; and a server of that version that still runs goes on writing.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/wire/task_spec_wire.h"
#include "server/core/pool.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/postgres_reader.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/storage/postgres/query.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

std::string Bytes(absl::string_view bytes) {
  return absl::StrCat("decode('", absl::BytesToHexString(bytes), "', 'hex')");
}

// A client's task with one box, leased to a miner who has one trial to train.
std::string FirstVersionRows() {
  const std::string digest = Bytes(std::string(32, '\x07'));
  const DatasetManifest manifest = TinyManifest();
  const std::string dataset = Bytes(manifest.Id().AsBytes());
  const TaskSpec spec = TinySpec(4);
  const Subspace whole = Subspace::Whole(spec.space);
  std::string allowed;
  for (const uint64_t bits : whole.allowed()) {
    absl::StrAppend(&allowed, allowed.empty() ? "" : ",", bits);
  }
  return absl::StrCat(
      "INSERT INTO account (id, name, role, token_hash, state, trials_accepted,"
      " trials_rejected, trials_abandoned, rejections_in_a_row) VALUES"
      " (1, 'carol', 'client', ",
      Bytes(std::string(32, '\x01')), ", 'active', 0, 0, 0, 0),",
      " (2, 'alice', 'miner', ", Bytes(std::string(32, '\x02')),
      ", 'active', 5, 0, 1, 0);", "INSERT INTO dataset VALUES (", dataset,
      ", 1, 1, 8, 8, 10, 1000, 1000,", " 1000, ",
      Bytes(manifest.train.AsBytes()), ", ",
      Bytes(manifest.validation.AsBytes()), ", ", digest, ", 0, 1000000);",
      "INSERT INTO task VALUES (1, 1, 'r', ",
      Bytes(wire::ToProto(spec).SerializeAsString()), ", 'tiny', ", dataset,
      ", 100000000, ", digest,
      ", 1, 'active', 'none', 'epoch', '2100-01-01', NULL,",
      " 0, 0, 100000000, 0, 0);", "INSERT INTO subspace VALUES (1, 1, '{",
      allowed, "}', 'leased', 1);",
      "INSERT INTO session VALUES (1, 2, 'w', 1, 'here', 'open', 'epoch');",
      "INSERT INTO lease VALUES (1, 1, 1, 1, 2, 1, 'primary', 'active', '{1}',",
      " 'epoch', '2100-01-01');",
      "INSERT INTO trial (id, task_id, subspace_id, lease_id, account_id,"
      " architecture, architecture_id, parameters, macs, work_units, state,"
      " create_time, weights_size_bytes, train_time_ns, reason, pay,"
      " finders_bonus) VALUES (1, 1, 1, 1, 2, ",
      Bytes(std::string(spec.space.dimensions().size(), '\0')), ", ", digest,
      ", 1, 1, 1, 'assigned', 'epoch', 0, 0, '', 0, 0);");
}

TEST(UpgradeTest, AFirstDatabaseMovesForwardWithItsWork) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  const std::vector<Migration>& all = EmbeddedMigrations();
  ASSERT_THAT(Migrate(database, absl::MakeConstSpan(all).first(1)), IsOk());
  {
    const auto connection = postgres::Connect(database);
    pqxx::nontransaction transaction(*connection);
    transaction.exec(FirstVersionRows());
  }
  ASSERT_THAT(Migrate(database), IsOk());

  PostgresReader reader(database, 1);
  const auto accounts = reader.Accounts();
  ASSERT_THAT(accounts, IsOk());
  EXPECT_EQ(accounts->at(1).trials_accepted, 5);
  EXPECT_EQ(accounts->at(1).performance, Performance());
  const auto leases = reader.Leases({.task = TaskId{1},
                                     .client = {},
                                     .account = {},
                                     .before = {},
                                     .limit = 10});
  ASSERT_THAT(leases, IsOk());
  ASSERT_EQ(leases->size(), 1u);
  EXPECT_EQ(leases->at(0).backup_need, std::nullopt);

  PostgresStore store(database);
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  Pool pool(PoolPolicy(), loaded->snapshot);
  const auto reply =
      pool.Execute(AcquireLease{AccountId{2}, SessionId{1}}, absl::Now());
  ASSERT_THAT(reply, IsOk());
  ASSERT_TRUE(reply->grant.has_value());
  EXPECT_EQ(reply->grant->lease.id, LeaseId{1});
  const auto ended =
      pool.Execute(Tick{}, absl::Now() + 2 * PoolPolicy().lease_term);
  ASSERT_THAT(ended, IsOk());
  const auto again = pool.Execute(AcquireLease{AccountId{2}, SessionId{1}},
                                  absl::Now() + 3 * PoolPolicy().lease_term);
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->grant.has_value()) << again->idle_message;
  const auto committed =
      store.Commit(loaded->generation, loaded->sequence, pool.TakeEvents());
  EXPECT_THAT(committed, IsOk());
}

// Whoever shares today goes on sharing.
TEST(UpgradeTest, SplitsThatAreThereCountAsAgreedTo) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  const auto all = absl::MakeConstSpan(EmbeddedMigrations());
  ASSERT_THAT(Migrate(database, all.first(1)), IsOk());
  const auto run = [&database](const std::string& sql) {
    const auto connection = postgres::Connect(database);
    pqxx::nontransaction transaction(*connection);
    transaction.exec(sql);
  };
  run(FirstVersionRows());
  ASSERT_THAT(Migrate(database, all.first(12)), IsOk());
  run("UPDATE account SET revenue_split = '{2, 999998, 1, 2}' WHERE id = 2");
  ASSERT_THAT(Migrate(database), IsOk());
  PostgresReader reader(database, 1);
  const auto accounts = reader.Accounts();
  ASSERT_THAT(accounts, IsOk());
  EXPECT_EQ(accounts->at(0).shares_from, std::vector<AccountId>{{2}})
      << "not by the part that looks like its number";
  EXPECT_TRUE(accounts->at(1).shares_from.empty());
  EXPECT_FALSE(accounts->at(1).is_public);
}

// Whoever has a token goes on with it, as the account's owner; whoever is made
// by a server that knows no other tokens is given its own at the next start.
TEST(UpgradeTest, TokensThatAreThereBecomeTheOwners) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  const auto all = absl::MakeConstSpan(EmbeddedMigrations());
  ASSERT_THAT(Migrate(database, all.first(1)), IsOk());
  const auto run = [&database](const std::string& sql) {
    const auto connection = postgres::Connect(database);
    pqxx::nontransaction transaction(*connection);
    transaction.exec(sql);
  };
  run(FirstVersionRows());
  ASSERT_THAT(Migrate(database), IsOk());
  run("INSERT INTO account (id, name, role, token_hash, state, trials_accepted,"
      " trials_rejected, trials_abandoned, rejections_in_a_row) VALUES"
      " (3, 'dave', 'miner', decode(repeat('03', 32), 'hex'), 'active',"
      " 0, 0, 0, 0)");
  PostgresStore store(database);
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  Pool pool(PoolPolicy(), loaded->snapshot);
  EXPECT_EQ(pool.state().tokens().size(), 2u);
  ASSERT_THAT(pool.Execute(UpgradeRecords{}, absl::Now()), IsOk());
  ASSERT_EQ(pool.state().tokens().size(), 3u);
  for (const auto& [key, token] : pool.state().tokens()) {
    EXPECT_EQ(key.number, 1);
    EXPECT_EQ(token.name, kFirstTokenName);
    EXPECT_EQ(token.scope, TokenScope::kOwner);
    EXPECT_EQ(token.hash, pool.state().Find(key.account)->token_hash);
    EXPECT_TRUE(token.IsInForce(absl::InfiniteFuture()));
  }
  EXPECT_THAT(
      store.Commit(loaded->generation, loaded->sequence, pool.TakeEvents()),
      IsOk());
}

// A payout under way, of the sixth version on.
constexpr char kPayoutRows[] =
    "INSERT INTO balance VALUES ('outside', 0, -9), ('account', 2, 4),"
    " ('payouts', 0, 5);"
    "INSERT INTO payout VALUES (1, 2, 5, 'addr', '', "
    "decode(repeat('07', 32), 'hex'), 'sending', 1, '', '', 'epoch', NULL);"
    "INSERT INTO transfer (id, debit_kind, debit_id, credit_kind, credit_id,"
    " amount, kind, request_id, create_time, payout_id) VALUES"
    " (1, 'outside', 0, 'account', 2, 9, 'deposit', 'gift', 'epoch', NULL),"
    " (2, 'account', 2, 'payouts', 0, 5, 'payout', '', 'epoch', 1);";

// What a server of the database's present version knows of its tables: it
// writes every column there is, with statements that it prepared at its start.
class OldServer {
 public:
  explicit OldServer(const std::string& database)
      : connection_(postgres::Connect(database)) {
    Execute("CREATE SCHEMA saved");
    for (const char* table :
         {"account", "dataset", "task", "subspace", "session", "lease", "trial",
          "audit", "ranking", "payout", "transfer", "balance"}) {
      const std::string columns = Ask(absl::StrCat(
          "SELECT string_agg(quote_ident(column_name), ', ') FROM"
          " information_schema.columns WHERE table_schema = 'public' AND"
          " table_name = '",
          table, "'"));
      if (columns.empty()) continue;
      tables_.push_back(table);
      Execute(absl::StrCat("CREATE TABLE saved.", table, " AS TABLE ", table));
      Execute(absl::StrCat("PREPARE write_", table, " AS INSERT INTO ", table,
                           " (", columns, ") SELECT ", columns, " FROM saved.",
                           table));
    }
  }

  // All its rows once more, under every rule that there is now.
  void WriteAll() {
    // As a superuser may: past the triggers that refuse it.
    Execute("SET session_replication_role = replica");
    for (const std::string& table : tables_) {
      Execute(absl::StrCat("DELETE FROM ", table));
    }
    Execute("SET session_replication_role = origin");
    for (const std::string& table : tables_) {
      Execute(absl::StrCat("EXECUTE write_", table));
    }
  }

 private:
  void Execute(const std::string& sql) {
    pqxx::nontransaction transaction(*connection_);
    transaction.exec(sql);
  }
  std::string Ask(const std::string& sql) {
    pqxx::nontransaction transaction(*connection_);
    const pqxx::result result = transaction.exec(sql);
    return result.at(0).at(0).is_null() ? "" : result.at(0).at(0).c_str();
  }

  std::unique_ptr<pqxx::connection> connection_;
  std::vector<std::string> tables_;
};

// What the last version with truth values as numbers, and with words for what
// is unset, wrote of the first version's rows.
constexpr char kRowsOfNumbers[] =
    "UPDATE account SET is_public = 1 WHERE id = 2;"
    "UPDATE session SET hardware_class = 'a';"
    "UPDATE lease SET high_reward = 1, backup_reason = 'slow',"
    " backups_wanted = 1, miss_ppm = 7;"
    "UPDATE trial SET state = 'accepted', weights_digest = architecture_id,"
    " claimed_correct = 3, weights_size_bytes = 9, draw_ppm = 8,"
    " basis = 'audited', is_matured = 1, is_at_chance = 1, is_barred = 1,"
    " hardware_class = 'a';"
    "INSERT INTO audit (id, trial_id, task_id, state, attempt, verifier_name,"
    " measures_all, is_planted) VALUES (1, 1, 1, 'waiting', 0, '', 1, 1);"
    "INSERT INTO ranking (task_id, basis, candidates) VALUES (1, 5, '');";

// What the rows of that version say, whoever reads them.
void ExpectRowsOfNumbers(const PoolSnapshot& snapshot) {
  int seen = 0;
  for (const Event& event : snapshot.records) {
    if (const auto* account = std::get_if<Account>(&event)) {
      EXPECT_EQ(account->is_public, account->id == AccountId{2});
      EXPECT_EQ(account->payout_address, "");
    } else if (const auto* task = std::get_if<Task>(&event)) {
      EXPECT_EQ(task->end_reason, std::nullopt);
    } else if (const auto* session = std::get_if<Session>(&event)) {
      EXPECT_EQ(session->arithmetic, "a");
    } else if (const auto* lease = std::get_if<Lease>(&event)) {
      EXPECT_TRUE(lease->has_high_reward);
      ASSERT_TRUE(lease->backup_need.has_value());
      EXPECT_EQ(lease->backup_need->miss_ppm, 7);
    } else if (const auto* trial = std::get_if<Trial>(&event)) {
      EXPECT_TRUE(IsMatured(*trial) && trial->is_at_chance && IsBarred(*trial));
      EXPECT_EQ(trial->arithmetic, "a");
      ASSERT_TRUE(trial->commitment.has_value());
      EXPECT_EQ(trial->commitment->draw_ppm, 8);
      EXPECT_EQ(trial->reason, "");
      EXPECT_EQ(BasisOf(*trial), TrialBasis::kAudited);
      EXPECT_EQ(trial->settlement, std::nullopt);
    } else if (const auto* audit = std::get_if<Audit>(&event)) {
      EXPECT_TRUE(audit->measures_all && audit->is_planted);
    } else if (const auto* ranking = std::get_if<Ranking>(&event)) {
      EXPECT_EQ(ranking->verdicts_seen, 5);
    } else {
      continue;
    }
    ++seen;
  }
  EXPECT_EQ(seen, 8);
}

// Read from the columns of that version, and then, once this server wrote them,
// from those of this one, with nothing left in the others.
TEST(UpgradeTest, AReplacedColumnIsReadUntilItsRowIsWritten) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  const auto all = absl::MakeConstSpan(EmbeddedMigrations());
  const auto ask = [&database](const std::string& sql) {
    const auto connection = postgres::Connect(database);
    pqxx::nontransaction transaction(*connection);
    return transaction.exec(sql);
  };
  ASSERT_THAT(Migrate(database, all.first(1)), IsOk());
  ask(FirstVersionRows());
  ASSERT_THAT(Migrate(database, all.first(17)), IsOk());
  ask(kRowsOfNumbers);
  ASSERT_THAT(Migrate(database), IsOk());

  PostgresStore store(database);
  auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  ExpectRowsOfNumbers(loaded->snapshot);
  ASSERT_THAT(store.Commit(loaded->generation, loaded->sequence,
                           loaded->snapshot.records),
              IsOk());
  const auto left =
      ask("SELECT num_nonnulls(is_matured, is_at_chance, is_barred, is_public,"
          " high_reward, is_planted, measures_all, trial.hardware_class,"
          " session.hardware_class, ranking.basis, reason, payout_address)"
          " FROM trial, account, lease, audit, session, ranking");
  EXPECT_FALSE(left.empty());
  for (const auto& row : left) EXPECT_EQ(row[0].as<int>(), 0);
  loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  ExpectRowsOfNumbers(loaded->snapshot);
}

class EveryVersionTest : public testing::TestWithParam<size_t> {};

TEST_P(EveryVersionTest, MovesForwardUnderAServerThatRuns) {
  const std::string database = ThrowawayPostgres::EmptyDatabase();
  const auto all = absl::MakeConstSpan(EmbeddedMigrations());
  const auto run = [&database](const std::string& sql) {
    const auto connection = postgres::Connect(database);
    pqxx::nontransaction transaction(*connection);
    transaction.exec(sql);
  };
  ASSERT_THAT(Migrate(database, all.first(1)), IsOk());
  run(FirstVersionRows());
  ASSERT_THAT(Migrate(database, all.first(GetParam())), IsOk());
  const bool has_payouts = GetParam() >= 6;
  if (has_payouts) run(kPayoutRows);
  OldServer old_server(database);
  ASSERT_THAT(Migrate(database), IsOk());
  EXPECT_NO_THROW(old_server.WriteAll());

  PostgresStore store(database);
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  const Pool pool(PoolPolicy(), loaded->snapshot);
  EXPECT_NE(pool.state().Find(TaskId{1}), nullptr);
  EXPECT_EQ(pool.state().money().payouts().size(), has_payouts ? 1U : 0U);
  PostgresReader reader(database, 1);
  const auto check = reader.CheckLedger();
  ASSERT_THAT(check, IsOk());
  EXPECT_TRUE(check->violations.empty()) << check->violations.front();
}

INSTANTIATE_TEST_SUITE_P(Versions, EveryVersionTest,
                         testing::Range(size_t{1},
                                        EmbeddedMigrations().size()));

}  // namespace
}  // namespace archpool
