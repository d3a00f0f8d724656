// SPDX-License-Identifier: Apache-2.0
// What a pool with a long past costs: in a real PostgreSQL a million finished
// trials in a thousand tasks, with their leases, audits, transfers and
// receipts, beside ten thousand trials of open tasks. The tasks ended before
// anything was stored of what they came to: how long the migration takes that
// sums them up. A process of its own, as a server is, then takes the pool over:
// how long that takes, how much memory it has afterwards, and how long the page
// of the newest hundred tasks takes, as 'archpool task list' asks for it: the
// first time, and again; and how long each of them takes as 'archpool task
// show' asks for it.
//
//   retention_bench [FINISHED_TRIALS]    (default: 1000000)
//
// Fails over 60 s for the migration, 3 s for the start, 300 MB, or 200 ms for a
// page, the first one included.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "common/base/steady_clock.h"
#include "server/engine/engine.h"
#include "server/rpc/task_views.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/postgres_reader.h"
#include "server/storage/postgres/postgres_store.h"
#include "tests/bench/bench_util.h"
#include "tests/bench/json_line.h"
#include "tests/bench/scale_pool.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

constexpr double kUpgradeSecondsMax = 60;
constexpr double kStartSecondsMax = 3;
constexpr double kMemoryMbMax = 300;
constexpr double kListMsMax = 200;
constexpr double kShowMsMax = 20;
constexpr char kMigration[] = "V029__task_summary.sql";
constexpr int64_t kOpenTrials = 10'000;
constexpr int kOpenTasks = 10;
constexpr int kWorkers = 100;
constexpr int64_t kUnlimited = int64_t{1} << 40;
constexpr int kReaderConnections = 4;
constexpr size_t kViewsMax = 1'000;
constexpr char kMeasure[] = "--measure";

// {n} trials that have ended, of {n} / 1000 tasks like the first one that is
// open; ids above those that the core has given out.
constexpr char kFinishedSql[] = R"sql(
SET session_replication_role = replica;
INSERT INTO task (id, client_id, request_id, spec, name, dataset_id, reward,
    secret, cost_table_version, state, end_reason, create_time, deadline,
    end_time, fee_pot, bonus_pot, work_pot, fee, refund)
  SELECT 1000000 + n, client_id, 'old ' || n, spec, name, dataset_id, reward,
    secret, cost_table_version, 'succeeded', 'budget', create_time, deadline,
    create_time, fee_pot, bonus_pot, work_pot, 0, 0
  FROM generate_series(1, {n} / 1000) AS n,
    (SELECT * FROM task ORDER BY id LIMIT 1) AS first;
INSERT INTO subspace (id, task_id, allowed, state, attempt)
  SELECT 10000000 + n, 1000001 + n % ({n} / 1000), allowed, 'completed', 1
  FROM generate_series(0, {n} / 100) AS n,
    (SELECT * FROM subspace ORDER BY id LIMIT 1) AS first;
INSERT INTO lease (id, task_id, subspace_id, session_id, account_id, attempt,
    role, state, trial_ids, create_time, expire_time)
  SELECT 10000000 + n, 1000001 + n % ({n} / 1000), 10000000, 1, 4 + n % 90, 1,
    'primary', 'completed', '{}', 'epoch', 'epoch'
  FROM generate_series(1, {n} / 10) AS n;
INSERT INTO trial (id, task_id, subspace_id, lease_id, account_id, architecture,
    architecture_id, parameters, macs, work_units, state, create_time,
    weights_digest, weights_size_bytes, claimed_correct, train_time_ns,
    checkpoint_root, signature, measured_correct, held_out_correct,
    verified_accuracy_ppm, basis, pay, finders_bonus)
  SELECT 10000000 + n, 1000001 + n % ({n} / 1000), 10000000, 10000001,
    4 + n % 90, '\x0102030405', sha256(int8send(n)), n % 100000, 1000, 1000,
    'accepted', timestamptz 'epoch' + n * interval '1 second',
    sha256(int8send(-n)), 100000, 90, 1000000000, sha256(int8send(n)),
    decode(repeat('00', 64), 'hex'), 90, 90, 400000 + n % 500000, 'audited', 1,
    0
  FROM generate_series(1, {n}) AS n;
INSERT INTO audit (id, trial_id, task_id, state, attempt, inconclusive_count)
  SELECT 10000000 + n, 10000000 + n * 4, 1000001 + n * 4 % ({n} / 1000),
    'done', 1, 0
  FROM generate_series(1, {n} / 4) AS n;
INSERT INTO transfer (id, debit_kind, debit_id, credit_kind, credit_id, amount,
    kind, task_id, create_time)
  SELECT 10000000 + n, 'escrow', 1000001 + n % ({n} / 1000), 'account',
    4 + n % 90, 1, 'pay', 1000001 + n % ({n} / 1000), 'epoch'
  FROM generate_series(1, {n}) AS n;
INSERT INTO receipt SELECT 10000000 + n, 4 + n % 90, repeat('x', 200)::bytea
  FROM generate_series(1, {n}) AS n;
SET session_replication_role = origin;
ANALYZE;
)sql";

PoolPolicy Policy() {
  PoolPolicy policy = AuditEverything();
  policy.boxes_per_hour_max = kUnlimited;
  policy.open_tasks_per_client_max = kUnlimited;
  return policy;
}

// Makes the open part with the core itself, and commits it.
void AddOpenTasks(const std::string& database) {
  PostgresStore store(database);
  const auto loaded = store.TakeOver();
  AbortUnlessOk(loaded.status());
  int64_t sequence = loaded->sequence;
  TestPool pool(Policy());
  const auto commit = [&] {
    AbortUnlessOk(
        store.Commit(loaded->generation, sequence++, pool.pool.TakeEvents()));
  };
  std::vector<ScaleWorker> workers;
  for (int i = 0; i < kWorkers; ++i) workers.push_back(AddWorker(pool, i));
  for (int i = 0; i < kOpenTasks; ++i) {
    pool.Submit(WideTask(1'000), absl::StrCat("r", i));
  }
  commit();
  const SharedCommitment commitment;
  for (int64_t trials = 0; trials < kOpenTrials;) {
    for (ScaleWorker& worker : workers) {
      auto grant = pool.Do(AcquireLease{worker.account, worker.session}).grant;
      ARCHPOOL_CHECK(grant.has_value());
      worker.grant = *std::move(grant);
      worker.next = 0;
    }
    for (int step = 0; step < 4; ++step) {
      pool.Advance(absl::Seconds(10));
      for (ScaleWorker& worker : workers) {
        if (worker.next == worker.grant.assignments.size()) continue;
        pool.Do(
            RenewLease{worker.account, worker.session, worker.grant.lease.id});
        DeliverNext(pool, worker, commitment);
        pool.Verify(500, 500);
        ++trials;
      }
      commit();
    }
  }
}

void AddFinishedTasks(const std::string& database, int64_t trials) {
  pqxx::connection connection(database);
  pqxx::nontransaction(connection)
      .exec(absl::StrReplaceAll(kFinishedSql, {{"{n}", absl::StrCat(trials)}}));
}

// Runs the migration that sums up the tasks once more, over all that is there.
double UpgradeSeconds(const std::string& database) {
  pqxx::connection connection(database);
  const auto begin = std::chrono::steady_clock::now();
  pqxx::work transaction(connection);
  transaction.exec("DROP TABLE task_summary");
  bool is_found = false;
  for (const Migration& one : EmbeddedMigrations()) {
    if (one.file_name != kMigration) continue;
    transaction.exec(one.sql);
    is_found = true;
  }
  ARCHPOOL_CHECK(is_found);
  transaction.commit();
  const double upgrade_s = SecondsSince(begin);
  // As autovacuum does in a minute.
  pqxx::nontransaction(connection).exec("ANALYZE task_summary");
  return upgrade_s;
}

// The most that this process ever had, in MB.
double PeakMemoryMb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!absl::StartsWith(line, "VmHWM:")) continue;
    return static_cast<double>(
               std::strtoll(line.c_str() + sizeof("VmHWM:") - 1, nullptr, 10)) /
           1'000;
  }
  return 0;
}

// What TaskService.ListTasks reads for a page.
double ListMs(Reader& reader, rpc::TaskViews& views) {
  const auto begin = std::chrono::steady_clock::now();
  const auto tasks = reader.Tasks({.limit = 100});
  AbortUnlessOk(tasks.status());
  std::vector<TaskId> ended;
  for (const Task& task : *tasks) {
    if (IsEnded(task.state)) ended.push_back(task.id);
  }
  const auto stored = reader.Summaries(ended);
  AbortUnlessOk(stored.status());
  ARCHPOOL_CHECK(stored->size() == ended.size());
  for (const Task& task : *tasks) {
    if (!IsEnded(task.state)) AbortUnlessOk(views.Get(task.id).status());
  }
  return SecondsSince(begin) * 1'000;
}

// For one of the newest hundred tasks, each shown for the first time.
double ShowMs(Reader& reader, rpc::TaskViews& views) {
  const auto tasks = reader.Tasks({.limit = 100});
  AbortUnlessOk(tasks.status());
  ARCHPOOL_CHECK(!tasks->empty());
  const auto begin = std::chrono::steady_clock::now();
  for (const Task& task : *tasks) AbortUnlessOk(views.Get(task.id).status());
  return SecondsSince(begin) * 1'000 / static_cast<double>(tasks->size());
}

int Measure(const std::string& database) {
  const auto begin = std::chrono::steady_clock::now();
  // Soon after the last that was done: no outage of years is added meanwhile.
  SteadyClock clock({[] { return absl::UnixEpoch() + absl::Hours(2); },
                     [] { return absl::ZeroDuration(); }});
  PostgresStore store(database);
  Engine engine(clock, store, Policy(), EngineOptions());
  AbortUnlessOk(engine.Start());
  const double start_s = SecondsSince(begin);
  const double memory_mb = PeakMemoryMb();
  PostgresReader reader(database, kReaderConnections);
  rpc::TaskViews views(reader, kViewsMax);
  const double first_ms = ListMs(reader, views);
  const double list_ms = ListMs(reader, views);
  const double show_ms = ShowMs(reader, views);
  engine.Stop();
  PrintJsonLine("retention/start", start_s, "s", kStartSecondsMax);
  PrintJsonLine("retention/memory", memory_mb, "MB", kMemoryMbMax);
  PrintJsonLine("retention/task_list_first", first_ms, "ms", kListMsMax);
  PrintJsonLine("retention/task_list", list_ms, "ms", kListMsMax);
  PrintJsonLine("retention/task_show", show_ms, "ms", kShowMsMax);
  return start_s <= kStartSecondsMax && memory_mb <= kMemoryMbMax &&
                 first_ms <= kListMsMax && list_ms <= kListMsMax
             ? 0
             : 1;
}

// In a process that did not make the pool.
int MeasureApart(const char* program, const std::string& database) {
  const pid_t child = fork();
  if (child == 0) {
    execl(program, program, kMeasure, database.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int Run(const char* program, int64_t trials) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  const auto begin = std::chrono::steady_clock::now();
  AddOpenTasks(database);
  AddFinishedTasks(database, trials);
  PrintJsonLine("retention/set_up", SecondsSince(begin), "s", 120);
  const double upgrade_s = UpgradeSeconds(database);
  PrintJsonLine("retention/upgrade", upgrade_s, "s", kUpgradeSecondsMax);
  const int measured = MeasureApart(program, database);
  return upgrade_s <= kUpgradeSecondsMax ? measured : 1;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == archpool::kMeasure) {
    return archpool::Measure(argv[2]);
  }
  int64_t trials = 1'000'000;
  if (argc > 2 || (argc == 2 &&
                   (!absl::SimpleAtoi(argv[1], &trials) || trials < 100'000))) {
    std::fprintf(stderr, "usage: retention_bench [FINISHED_TRIALS]\n");
    return 2;
  }
  return archpool::Run("/proc/self/exe", trials);
}
