// SPDX-License-Identifier: Apache-2.0
// What a decision costs in a large pool, and what it keeps in memory: 10,000
// boxes a task, a million in 100 tasks. Miners are added to the same pool
// between the points of the curve. A decision is a command of the core: a lease
// of four trials with its heartbeats, reports and audits is 21 of them. Work is
// drawn at random or, `ranked`, given out by rankings of 256 candidates a task,
// renewed every round, which split and steal boxes. Goals are the lines'
// baselines; fails below kFloorPerSecond.
//
//   scale_bench [TASKS [ranked]]    default: 100 tasks, drawn
#include <cmath>
#include <cstdlib>

#include "common/base/counter_rng.h"
#include "tests/bench/json_line.h"
#include "tests/bench/scale_pool.h"

namespace archpool {
namespace {

constexpr double kGoalPerSecond = 200'000;
// Below it something is broken; what the goal misses, the ratios show.
constexpr double kFloorPerSecond = 40'000;
constexpr int64_t kBoxesPerTask = 10'000;
constexpr int64_t kMinersFirst = 100;
constexpr int64_t kUnlimited = int64_t{1} << 40;
constexpr int64_t kMinersLast = 10'000;
constexpr int kCandidates = 256;

// A client may open as many tasks and boxes at once as the bench has.
PoolPolicy Policy() {
  PoolPolicy policy = AuditEverything();
  policy.boxes_per_hour_max = kUnlimited;
  policy.open_tasks_per_client_max = kUnlimited;
  return policy;
}

class Crowd {
 public:
  Crowd(int tasks, bool is_ranked) : tasks_(tasks), is_ranked_(is_ranked) {
    const double before = BytesInUse();
    const TaskSpec spec = WideTask(kBoxesPerTask);
    for (int i = 0; i < tasks; ++i) pool_.Submit(spec, absl::StrCat("r", i));
    pool_.pool.TakeEvents();
    const auto boxes = static_cast<double>(tasks * kBoxesPerTask);
    Print("boxes", boxes, "boxes", 1e6);
    Print("bytes_per_box", (BytesInUse() - before) / boxes, "bytes",
          sizeof(SubspaceRecord));
  }

  // Prints the cost of a decision with that many miners; returns it, in
  // nanoseconds.
  double Measure(int64_t miners) {
    while (static_cast<int64_t>(workers_.size()) < miners) {
      workers_.push_back(
          AddWorker(pool_, static_cast<int64_t>(workers_.size())));
    }
    Round();  // warms up, and lets every miner earn its place
    commands_ = 0;
    const double begin = CpuSeconds();
    while (commands_ < 200'000) Round();
    const double seconds = CpuSeconds() - begin;
    const double rate = static_cast<double>(commands_) / seconds;
    Print(absl::StrCat("decisions_per_second/", miners, "_miners"), rate,
          "decisions/s", kGoalPerSecond);
    return 1e9 / rate;
  }

  void PrintMinerMemory() {
    constexpr int64_t kNewcomers = 1'000;
    std::vector<ScaleWorker> newcomers;
    newcomers.reserve(kNewcomers);
    pool_.pool.TakeEvents();
    const double before = BytesInUse();
    for (int64_t i = 0; i < kNewcomers; ++i) {
      newcomers.push_back(AddWorker(pool_, kMinersLast + i));
    }
    pool_.pool.TakeEvents();
    Print("bytes_per_idle_miner", (BytesInUse() - before) / kNewcomers, "bytes",
          sizeof(Account) + sizeof(Session));
  }

  void Print(const std::string& name, double value, const std::string& unit,
             double baseline) const {
    PrintJsonLine(absl::StrCat("scale/", tasks_, "_tasks/",
                               is_ranked_ ? "ranked/" : "", name),
                  value, unit, baseline);
  }

 private:
  template <typename Command>
  typename Command::Reply Count(const Command& command) {
    ++commands_;
    return pool_.Do(command);
  }

  void Rank() {
    std::vector<TaskId> tasks;
    for (const auto& [id, task] : pool_.pool.state().tasks().all()) {
      tasks.push_back(id);
    }
    const SearchSpace space = WideSpace();
    for (const TaskId task : tasks) {
      RankCandidates command{.task = task};
      for (int i = 0; i < kCandidates; ++i) {
        command.candidates.push_back(space.ArchitectureAt(static_cast<int64_t>(
            rng_.Below64(static_cast<uint64_t>(space.size())))));
      }
      Count(command);
    }
  }

  // Every miner takes a lease, works through it and is audited.
  void Round() {
    if (is_ranked_) Rank();
    for (ScaleWorker& worker : workers_) {
      auto grant = Count(AcquireLease{worker.account, worker.session}).grant;
      ARCHPOOL_CHECK(grant.has_value());
      worker.grant = *std::move(grant);
      worker.next = 0;
    }
    for (int step = 0; step < 4; ++step) {
      pool_.now += absl::Seconds(10);
      Count(Tick{});
      for (ScaleWorker& worker : workers_) {
        if (worker.next == worker.grant.assignments.size()) continue;
        Count(
            RenewLease{worker.account, worker.session, worker.grant.lease.id});
        DeliverNext(pool_, worker, commitment_);
        pool_.Verify(500, 500);
        commands_ += 5;
      }
      pool_.pool.TakeEvents();
    }
  }

  int tasks_;
  bool is_ranked_;
  CounterRng rng_{1, 0};
  TestPool pool_{Policy()};
  std::vector<ScaleWorker> workers_;
  int64_t commands_ = 0;
  const SharedCommitment commitment_;
};

bool Run(int tasks, bool is_ranked) {
  Crowd crowd(tasks, is_ranked);
  double first = 0;
  double last = 0;
  for (const int64_t miners : {kMinersFirst, int64_t{316}, int64_t{1'000},
                               int64_t{3'162}, kMinersLast}) {
    last = crowd.Measure(miners);
    if (first == 0) first = last;
  }
  // Log n: twice as expensive at the square of the number.
  const double allowed = std::log(static_cast<double>(kMinersLast)) /
                         std::log(static_cast<double>(kMinersFirst));
  crowd.Print("growth_of_cost", last / first, "times", allowed);
  crowd.PrintMinerMemory();
  return 1e9 / last >= kFloorPerSecond;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  const int tasks = argc > 1 ? std::atoi(argv[1]) : 100;
  if (tasks < 1) {
    std::fprintf(stderr, "usage: scale_bench [TASKS [ranked]]\n");
    return 2;
  }
  return archpool::Run(tasks, argc > 2) ? 0 : 1;
}
