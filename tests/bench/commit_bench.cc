// SPDX-License-Identifier: Apache-2.0
// How many trial rows a second the PostgreSQL store makes durable (fsync on, a
// private cluster on this machine's disk): new trials, and reports of trials
// that are there, in commits of 1 to 512 rows. The baseline is one row per
// commit in the same run. Then how long a new writer takes to load them.
//
// Fails where reports in commits of 128 stay below the 5,000 rows a second that
// a pool's engine has to take.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/storage/postgres/private_cluster.h"
#include "tests/bench/bench_util.h"
#include "tests/bench/json_line.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

constexpr double kFloorRowsPerSecond = 5'000;
constexpr int kBatches[] = {1, 16, 128, 512};
constexpr int64_t kTrialsPerLease = 64;
constexpr absl::Duration kMeasure = absl::Seconds(2);
constexpr int64_t kSingleRowsMax = 4'000;

class CommitBench {
 public:
  explicit CommitBench(const std::string& connection_string)
      : store_(connection_string) {
    auto loaded = store_.TakeOver();
    AbortUnlessOk(loaded.status());
    generation_ = loaded->generation;
    sequence_ = loaded->sequence;
    // Accounts, a dataset, a task with one box and a session: from the core.
    const AccountId miner = pool_.Make("miner", Role::kMiner);
    session_ = pool_.Open(miner, "worker");
    task_ = pool_.Submit(TinySpec(2));
    Commit(pool_.pool.TakeEvents());
    miner_ = miner;
  }

  // Rows a second, in commits of `batch`.
  double InsertRate(int batch) {
    return Rate(batch, [&](std::vector<Event>& events) {
      if (next_trial_ % kTrialsPerLease == 1) events.push_back(NextLease());
      events.push_back(NextTrial());
    });
  }
  double ReportRate(int batch) {
    return Rate(batch, [&](std::vector<Event>& events) {
      Trial trial = MakeTrial(1 + next_report_++ % (next_trial_ - 1));
      trial.state = TrialState::kCommitted;
      Commitment& commitment = trial.commitment.emplace();
      commitment.weights_digest = Sha256(absl::StrCat("weights", next_report_));
      commitment.weights_size_bytes = 1'000'000;
      commitment.claimed_correct = 900;
      commitment.train_time = absl::Seconds(30);
      trial.upload_deadline = Now();
      events.push_back(trial);
    });
  }

  double LoadRate() {
    const auto begin = std::chrono::steady_clock::now();
    auto loaded = store_.TakeOver();
    AbortUnlessOk(loaded.status());
    const double seconds = SecondsSince(begin);
    generation_ = loaded->generation;
    return static_cast<double>(loaded->snapshot.records.size()) / seconds;
  }

 private:
  template <typename AddRow>
  double Rate(int batch, const AddRow& add_row) {
    int64_t rows = 0;
    double seconds = 0;
    while (seconds < absl::ToDoubleSeconds(kMeasure) &&
           (batch > 1 || rows < kSingleRowsMax)) {
      std::vector<Event> events;
      for (int i = 0; i < batch; ++i) add_row(events);
      const auto begin = std::chrono::steady_clock::now();
      Commit(events);
      seconds += SecondsSince(begin);
      rows += batch;
    }
    return static_cast<double>(rows) / seconds;
  }

  void Commit(const std::vector<Event>& events) {
    AbortUnlessOk(store_.Commit(generation_, sequence_, events));
    ++sequence_;
  }

  static absl::Time Now() { return absl::FromUnixSeconds(1'700'000'000); }

  Lease NextLease() {
    ++last_lease_;
    return Lease{.id = {last_lease_},
                 .task = task_,
                 .subspace = {1},
                 .session = session_,
                 .account = miner_,
                 .attempt = last_lease_,
                 .role = LeaseRole::kBackup,
                 .create_time = Now(),
                 .expire_time = Now(),
                 .deadline = Now(),
                 .primary = LeaseId{last_lease_}};
  }
  Trial MakeTrial(int64_t id) const {
    Trial trial{.id = {id},
                .task = task_,
                .subspace = {1},
                .lease = {1 + (id - 1) / kTrialsPerLease},
                .account = miner_,
                .architecture_id = Sha256(absl::StrCat("network", id)),
                .parameters = 123'456,
                .macs = 12'345'678,
                .work_units = 1'234'567'890,
                .create_time = Now()};
    trial.architecture.choices.assign(24, 3);
    return trial;
  }
  Trial NextTrial() { return MakeTrial(next_trial_++); }

  PostgresStore store_;
  int64_t generation_ = 0;
  int64_t sequence_ = 0;
  TestPool pool_;
  TaskId task_;
  SessionId session_;
  AccountId miner_;
  int64_t last_lease_ = 0;
  int64_t next_trial_ = 1;
  int64_t next_report_ = 0;
};

int Run() {
  const TemporaryDirectory directory;
  auto cluster = PrivateCluster::Start({.directory = directory.path() + "/p"});
  AbortUnlessOk(cluster.status());
  AbortUnlessOk(Migrate((*cluster)->ConnectionString()));
  CommitBench bench((*cluster)->ConnectionString());
  double single_insert = 0;
  for (const int batch : kBatches) {
    const double rate = bench.InsertRate(batch);
    if (batch == 1) single_insert = rate;
    PrintJsonLine(absl::StrCat("commit/new_trials_by_", batch), rate, "rows/s",
                  single_insert);
  }
  double single_report = 0;
  double report_128 = 0;
  for (const int batch : kBatches) {
    const double rate = bench.ReportRate(batch);
    if (batch == 1) single_report = rate;
    if (batch == 128) report_128 = rate;
    PrintJsonLine(absl::StrCat("commit/reports_by_", batch), rate, "rows/s",
                  single_report);
  }
  PrintJsonLine("commit/load", bench.LoadRate(), "records/s", report_128);
  return report_128 >= kFloorRowsPerSecond ? 0 : 1;
}

}  // namespace
}  // namespace archpool

int main() { return archpool::Run(); }
