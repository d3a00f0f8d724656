// SPDX-License-Identifier: Apache-2.0
// No read goes through a whole table that grows: the statements that the store,
// its reader and its receipts really send are counted by PostgreSQL itself,
// over 100,000 rows of each kind.
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/model/receipt.h"
#include "common/wire/task_spec_wire.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/postgres_reader.h"
#include "server/storage/postgres/postgres_receipts.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/storage/postgres/query.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

// A pool that has been there for a while: of 100,000 tasks the last ten are
// open. {n} stands for the rows of each table, {digest} for 32 bytes made of a
// row's number, {spec} and {allowed} for a task's, {seal} for a seal.
constexpr char kRows[] = R"sql(
-- Neither references nor triggers: they are not what is looked at.
SET session_replication_role = replica;
INSERT INTO account (id, name, role, token_hash, state, trials_accepted,
    trials_rejected, trials_abandoned, rejections_in_a_row)
  SELECT n, 'a' || n, 'client', {digest}, 'active', 0, 0, 0, 0
  FROM generate_series(1, 100) AS n;
INSERT INTO dataset
  SELECT {digest}, 1, 1, 8, 8, 10, 1, 1, 1, {digest}, {digest}, {digest}, 1, 1
  FROM generate_series(1, {n}) AS n;
INSERT INTO task (id, client_id, request_id, spec, name, dataset_id, reward,
    secret, cost_table_version, state, end_reason, create_time, deadline,
    end_time, fee_pot, bonus_pot, work_pot, fee, refund)
  SELECT n, 1 + n % 100, 'r' || n, {spec}, 'tiny', {digest}, 0, {digest}, 1,
    CASE WHEN n > {n} - 10 THEN 'active' ELSE 'succeeded' END,
    CASE WHEN n > {n} - 10 THEN NULL ELSE 'budget' END,
    'epoch', 'epoch', CASE WHEN n > {n} - 10 THEN NULL ELSE 'epoch'::timestamptz
    END, 0, 0, 0, 0, 0
  FROM generate_series(1, {n}) AS n;
-- The last thousand tasks have a hundred each of what follows.
INSERT INTO subspace (id, task_id, allowed, state, attempt)
  SELECT n, {n} - n % 1000, '{allowed}', 'open', 0
  FROM generate_series(1, {n}) AS n;
INSERT INTO task_summary
  SELECT n, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}', 0, 0, 0, '{}', '{}', NULL
  FROM generate_series(1, {n}) AS n;
INSERT INTO ranking (task_id, verdicts_seen, basis, candidates)
  SELECT n, 0, NULL, '' FROM generate_series(1, {n}) AS n;
INSERT INTO session (id, account_id, worker_name, threads, arithmetic, state,
    create_time)
  SELECT n, 1 + n % 100, 'w', 1, 'x',
    CASE WHEN n > {n} - 100 THEN 'open' ELSE 'closed' END, 'epoch'
  FROM generate_series(1, {n}) AS n;
INSERT INTO lease (id, task_id, subspace_id, session_id, account_id, attempt,
    role, state, trial_ids, create_time, expire_time, primary_id)
  SELECT n, {n} - n % 1000, n, n, 1 + n % 97, 1,
    CASE WHEN n % 500 = 0 THEN 'backup' ELSE 'primary' END,
    CASE WHEN n % 1000 < 20 THEN 'active' ELSE 'completed' END, '{}', 'epoch',
    'epoch', CASE WHEN n % 500 = 0 THEN n END
  FROM generate_series(1, {n}) AS n;
INSERT INTO trial (id, task_id, subspace_id, lease_id, account_id, architecture,
    architecture_id, parameters, macs, work_units, state, create_time, pay,
    finders_bonus)
  SELECT n, {n} - n % 1000, n, n, 1 + n % 97, '', {digest}, 1, 1, 1,
    'abandoned', timestamptz 'epoch' + n * interval '1 second', 0, 0
  FROM generate_series(1, {n}) AS n;
INSERT INTO audit (id, trial_id, task_id, state, attempt, inconclusive_count)
  SELECT n, n, {n} - n % 1000,
    CASE WHEN n % 1000 < 20 THEN 'waiting' ELSE 'done' END, 0, 0
  FROM generate_series(1, {n}) AS n;
INSERT INTO payout (id, account_id, amount, address, request_id, rail_key, state,
    attempt, create_time, end_time)
  SELECT n, 1 + n % 100, 1, 'x', 'p' || n, {digest},
    CASE WHEN n > {n} - 100 THEN 'waiting' ELSE 'settled' END, 0, 'epoch',
    CASE WHEN n > {n} - 100 THEN NULL ELSE 'epoch'::timestamptz END
  FROM generate_series(1, {n}) AS n;
-- By turns: a miner's pay, the fee, a deposit, a payout that is set aside.
INSERT INTO transfer (id, debit_kind, debit_id, credit_kind, credit_id, amount,
    kind, task_id, payout_id, request_id, create_time)
  SELECT n,
    (ARRAY['escrow', 'escrow', 'outside', 'account'])[1 + n % 4],
    (ARRAY[{n} - n % 1000, {n} - n % 1000, 0, 1 + n % 100])[1 + n % 4],
    (ARRAY['account', 'fees', 'account', 'payouts'])[1 + n % 4],
    (ARRAY[1 + n % 97, 0, 1 + n % 100, 0])[1 + n % 4], 1,
    (ARRAY['pay', 'fee', 'deposit', 'payout'])[1 + n % 4],
    CASE WHEN n % 4 < 2 THEN {n} - n % 1000 END,
    CASE WHEN n % 4 = 3 THEN n END, CASE WHEN n % 4 = 2 THEN 'd' || n END,
    'epoch'
  FROM generate_series(1, {n}) AS n;
INSERT INTO owed
  SELECT 1 + n % 100, n, CASE WHEN n > {n} - 100 THEN 1 ELSE 0 END
  FROM generate_series(1, {n}) AS n;
INSERT INTO stored_weights SELECT n, 1 + n % 97, {digest}, 1
  FROM generate_series(1, {n}) AS n;
INSERT INTO receipt SELECT n, n % 100, 'x' FROM generate_series(1, {n}) AS n;
INSERT INTO receipt_epoch
  SELECT n, n, {seal}, decode(repeat('00', 64), 'hex')
  FROM generate_series(1, {n}) AS n;
SET session_replication_role = origin;
ANALYZE;
)sql";
constexpr int64_t kRowCount = 100'000;

// Read whole, on purpose: a row for each account, token, verifier, invitation,
// stored file of a client or place of money, all of which a start needs. Index
// pages would come on top of the rows.
const char* const kReadWhole[] = {
    "account",     "account_token", "verifier", "invitation",
    "stored_file", "storage_use",   "balance",  "receipt_statement"};

std::string BytesSql(const std::string& bytes) {
  return absl::StrCat("decode('", absl::BytesToHexString(bytes), "', 'hex')");
}

std::string RowsSql() {
  const TaskSpec spec = TinySpec(4);
  const Subspace whole = Subspace::Whole(spec.space);
  std::string allowed;
  for (const uint64_t bits : whole.allowed()) {
    absl::StrAppend(&allowed, allowed.empty() ? "{" : ",", bits);
  }
  const Seal seal{.number = 1, .time = absl::UnixEpoch(), .statements = 1};
  return absl::StrReplaceAll(
      kRows, {{"{n}", absl::StrCat(kRowCount)},
              {"{digest}", "decode(lpad(to_hex(n), 64, '0'), 'hex')"},
              {"{spec}", BytesSql(wire::ToProto(spec).SerializeAsString())},
              {"{seal}", BytesSql(Encode(seal))},
              {"{allowed}", absl::StrCat(allowed, "}")}});
}

// A read, over connections of its own.
struct Read {
  const char* name;
  std::function<absl::Status(const std::string& database)> run;
};

template <typename Call>
Read OfReader(const char* name, Call call) {
  return {name, [call](const std::string& database) {
            PostgresReader reader(database, 1);
            return StatusOf(call(reader));
          }};
}
template <typename Call>
Read OfStore(const char* name, Call call) {
  return {name, [call](const std::string& database) {
            PostgresStore store(database);
            return StatusOf(call(store));
          }};
}
template <typename Call>
Read OfReceipts(const char* name, Call call) {
  return {name, [call](const std::string& database) {
            PostgresReceipts receipts(database);
            return StatusOf(call(receipts));
          }};
}

constexpr TaskId kTask{kRowCount - 3};
constexpr AccountId kAccount{7};

std::vector<Read> ReadsOfWork() {
  return {
      OfReader("GetTask", [](Reader& r) { return r.GetTask(kTask); }),
      OfReader("Tasks", [](Reader& r) { return r.Tasks({}); }),
      OfReader("Tasks of a client",
               [](Reader& r) { return r.Tasks({.client = kAccount}); }),
      OfReader("Tasks of a dataset",
               [](Reader& r) {
                 Digest dataset;
                 dataset.bytes[31] = 9;
                 return r.Tasks({.dataset = dataset});
               }),
      OfReader("Summaries of a page",
               [](Reader& r) {
                 std::vector<TaskId> tasks;
                 for (int64_t id = 1; id <= 100; ++id) tasks.push_back({id});
                 return r.Summaries(tasks);
               }),
      OfReader("Tasks that run",
               [](Reader& r) { return r.Tasks({.active_only = true}); }),
      OfReader("Trials",
               [](Reader& r) { return r.Trials(kTask, TrialId{5}, 100); }),
      OfReader("TrialsOf an account of late",
               [](Reader& r) {
                 return r.TrialsOf(
                     kAccount,
                     absl::UnixEpoch() + absl::Seconds(kRowCount * 99 / 100),
                     100'000);
               }),
      OfReader("GetTrial", [](Reader& r) { return r.GetTrial(TrialId{9}); }),
      OfReader("GetOpenAudit",
               [](Reader& r) { return r.GetOpenAudit(TrialId{1'010}); }),
      OfReader("GetSession",
               [](Reader& r) { return r.GetSession(SessionId{9}); }),
      OfReader("Subspaces", [](Reader& r) { return r.Subspaces(kTask); }),
      OfReader("Leases", [](Reader& r) { return r.Leases({}); }),
      OfReader("Leases of a task",
               [](Reader& r) { return r.Leases({.task = kTask}); }),
      OfReader("Leases of a client",
               [](Reader& r) { return r.Leases({.client = kAccount}); }),
      OfReader("Leases of a miner",
               [](Reader& r) { return r.Leases({.account = kAccount}); }),
      OfReader("Leases that are held",
               [](Reader& r) { return r.Leases({.active_only = true}); }),
      OfReader("Leases that stand by",
               [](Reader& r) { return r.Leases({.backups_only = true}); }),
      OfReader("FindClaims",
               [](Reader& r) {
                 std::vector<Digest> blobs(200);
                 for (size_t i = 0; i < blobs.size(); ++i) {
                   blobs[i].bytes[31] = static_cast<uint8_t>(i + 1);
                 }
                 return r.FindClaims(blobs);
               }),
      OfReader("GetDataset", [](Reader& r) {
        Digest dataset;
        dataset.bytes[31] = 9;
        return r.GetDataset(dataset);
      })};
}

std::vector<Read> ReadsOfMoney() {
  return {
      OfReader("Transfers", [](Reader& r) { return r.Transfers({}); }),
      OfReader("Transfers of the fees",
               [](Reader& r) { return r.Transfers({.place = Place::Fees()}); }),
      OfReader("Transfers of an account",
               [](Reader& r) {
                 return r.Transfers({.place = Place::Of(kAccount)});
               }),
      OfReader("Many transfers of the fees",
               [](Reader& r) {
                 return r.Transfers({.place = Place::Fees(), .limit = 10'000});
               }),
      OfReader("Transfers of a task",
               [](Reader& r) { return r.Transfers({.task = kTask}); }),
      OfReader("Transfers of a task and a place",
               [](Reader& r) {
                 return r.Transfers(
                     {.place = Place::Of(kAccount), .task = kTask});
               }),
      OfReader("Payouts", [](Reader& r) { return r.Payouts({}); }),
      OfReader("Payouts of an account",
               [](Reader& r) { return r.Payouts({.account = kAccount}); }),
      OfReader("Payouts that are open",
               [](Reader& r) { return r.Payouts({.open_only = true}); }),
      OfReader("Balances", [](Reader& r) { return r.Balances({}); }),
      OfReader(
          "Balance of an account",
          [](Reader& r) { return r.Balances({.place = Place::Of(kAccount)}); }),
      OfReader("OwedTo", [](Reader& r) { return r.OwedTo(kAccount); }),
      OfReader("CheckLedgerFrom",
               [](Reader& r) {
                 LedgerMark mark{.transfer = {kRowCount - 10}, .sums = {}};
                 return r.CheckLedgerFrom(mark);
               }),
      OfReceipts("Open", [](ReceiptStore& r) { return r.Open(100); }),
      OfReceipts("Seals",
                 [](ReceiptStore& r) { return r.Seals(kRowCount - 10, 100); }),
      OfReceipts("ReceiptsOf", [](ReceiptStore& r) {
        return r.ReceiptsOf(kAccount, ReceiptId{7}, 100);
      })};
}

std::vector<Read> ReadsOfTheEngine() {
  return {OfStore("TakeOver", [](Store& s) { return s.TakeOver(); }),
          OfStore("FindTask",
                  [](Store& s) { return s.FindTask(AccountId{10}, "r9"); }),
          OfStore("FindDeposit", [](Store& s) { return s.FindDeposit("d6"); }),
          OfStore("FindPayout",
                  [](Store& s) { return s.FindPayout(AccountId{10}, "p9"); }),
          OfStore("FindDataset", [](Store& s) {
            Digest dataset;
            dataset.bytes[31] = 9;
            return s.FindDataset(dataset);
          })};
}

class ReadPlansTest : public testing::Test {
 protected:
  // How often each table was gone through from one end to the other.
  std::map<std::string, int64_t> Scans() {
    WaitUntilAlone();
    pqxx::nontransaction look(*connection_);
    look.exec("SELECT pg_stat_clear_snapshot()");
    std::map<std::string, int64_t> scans;
    for (const auto& row :
         look.exec("SELECT relname, seq_scan FROM pg_stat_user_tables")) {
      scans[row[0].c_str()] = row[1].as<int64_t>();
    }
    for (const char* table : kReadWhole) scans.erase(table);
    // Of a few rows each.
    for (const char* table :
         {"id_floor", "pool_head", "pool_clock", "pool_identity",
          "pool_restore", "schema_migration"}) {
      scans.erase(table);
    }
    return scans;
  }

  void ExpectNoScan(const std::vector<Read>& reads) {
    for (const Read& read : reads) {
      SCOPED_TRACE(read.name);
      const std::map<std::string, int64_t> before = Scans();
      EXPECT_THAT(read.run(database_), IsOk());
      for (const auto& [table, scans] : Scans()) {
        EXPECT_EQ(scans, before.at(table))
            << "goes through all of " << table
            << ": see its plan by session_preload_libraries=auto_explain and "
               "auto_explain.log_min_duration=0";
      }
    }
  }

  static void SetUpTestSuite() {
    database_ = ThrowawayPostgres::MigratedDatabase();
    connection_ = postgres::Connect(database_).release();
    pqxx::nontransaction(*connection_).exec(RowsSql());
  }
  static void TearDownTestSuite() { delete connection_; }

  static std::string database_;
  static pqxx::connection* connection_;

 private:
  // A session's counts are there when it is gone.
  void WaitUntilAlone() {
    for (int others = 1; others > 0;) {
      pqxx::nontransaction look(*connection_);
      others = look.exec(
                       "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                       "current_database() AND pid <> pg_backend_pid() AND "
                       "backend_type = 'client backend'")
                   .at(0)
                   .at(0)
                   .as<int>();
      if (others > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    }
  }
};

std::string ReadPlansTest::database_;
pqxx::connection* ReadPlansTest::connection_ = nullptr;

TEST_F(ReadPlansTest, NoPageOfWorkReadsAWholeTable) {
  ExpectNoScan(ReadsOfWork());
}

TEST_F(ReadPlansTest, NoPageOfMoneyReadsAWholeTable) {
  ExpectNoScan(ReadsOfMoney());
}

TEST_F(ReadPlansTest, NoStartOrLookUpReadsAWholeTable) {
  ExpectNoScan(ReadsOfTheEngine());
}

// What the others rest on: such a read would be seen.
TEST_F(ReadPlansTest, AReadOfAWholeTableIsCounted) {
  const std::map<std::string, int64_t> before = Scans();
  {
    const auto connection = postgres::Connect(database_);
    pqxx::nontransaction(*connection).exec("SELECT sum(pay) FROM trial");
  }
  EXPECT_GT(Scans().at("trial"), before.at("trial"));
}

}  // namespace
}  // namespace archpool
