// How long a month of a pool of 1,000 miners takes to live through: trials of
// about an hour, each miner at its own speed, heartbeats as often as a lease
// needs them, every trial audited at once. The core is the real one; time is
// the next thing that happens. Fails above a minute.
//
//   month_bench [DAYS]    default: 30
#include <chrono>
#include <cstdlib>
#include <set>

#include "common/base/counter_rng.h"
#include "tests/bench/json_line.h"
#include "tests/bench/scale_pool.h"

namespace archpool {
namespace {

constexpr double kGoalSeconds = 60;
constexpr int kMiners = 1'000;
constexpr absl::Duration kSilenceTerm = absl::Minutes(90);
constexpr absl::Duration kTickEvery = absl::Minutes(1);

PoolPolicy HourlyPolicy() {
  PoolPolicy policy;
  policy.lease_term = absl::Hours(12);
  policy.lease_span = absl::Hours(4);
  policy.silence_term = kSilenceTerm;
  return policy;
}

class Month {
 public:
  Month() : pool_(HourlyPolicy()) {
    TaskSpec spec = WideTask(4'096);
    pool_.Submit(spec);
    for (int i = 0; i < kMiners; ++i) {
      workers_.push_back(Join(pool_, i));
      // 0.7 to 1.3 hours a trial.
      hours_.push_back(0.7 + 0.6 * rng_.NextUnitFloat());
      queue_.insert({pool_.now + absl::Seconds(rng_.Below(3'600)), i});
    }
  }

  void Live(int days) {
    const absl::Time end = pool_.now + absl::Hours(24) * days;
    absl::Time tick = pool_.now;
    while (queue_.begin()->first < end) {
      const auto [time, miner] = *queue_.begin();
      queue_.erase(queue_.begin());
      for (; tick < time; tick += kTickEvery) {
        pool_.now = tick;
        Count(Tick{});
        pool_.pool.TakeEvents();
      }
      pool_.now = time;
      Act(miner);
    }
  }

  int64_t trials() const { return trials_; }
  int64_t commands() const { return commands_; }
  int64_t idle() const { return idle_; }

 private:
  template <typename Command>
  typename Command::Reply Count(const Command& command) {
    ++commands_;
    return pool_.Do(command);
  }

  // What the miner finished at this moment, and when it finishes the next.
  void Act(int miner) {
    ScaleWorker& worker = workers_[static_cast<size_t>(miner)];
    if (worker.next < worker.grant.assignments.size()) {
      DeliverNext(pool_, worker, weights_);
      const int64_t correct = 300 + rng_.Below(600);
      pool_.Verify(500, correct);
      commands_ += 4;
      ++trials_;
    }
    if (worker.next < worker.grant.assignments.size()) {
      Count(RenewLease{worker.account, worker.session, worker.grant.lease.id});
    } else {
      auto grant = Count(AcquireLease{worker.account, worker.session}).grant;
      worker.next = 0;
      worker.grant = grant ? *std::move(grant) : LeaseGrant();
      if (!grant) ++idle_;
    }
    queue_.insert({pool_.now + absl::Hours(1) * Hours(miner), miner});
  }

  double Hours(int miner) {
    return hours_[static_cast<size_t>(miner)] *
           (0.95 + 0.1 * rng_.NextUnitFloat());
  }

  TestPool pool_;
  CounterRng rng_{1, 0};
  std::vector<ScaleWorker> workers_;
  std::vector<double> hours_;
  std::set<std::pair<absl::Time, int>> queue_;
  const Digest weights_ = Sha256("weights");
  int64_t trials_ = 0;
  int64_t commands_ = 0;
  int64_t idle_ = 0;
};

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  const int days = argc > 1 ? std::atoi(argv[1]) : 30;
  const auto begin = std::chrono::steady_clock::now();
  archpool::Month month;
  month.Live(days);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  const auto count = [](int64_t value) { return static_cast<double>(value); };
  archpool::PrintJsonLine("month/trials", count(month.trials()), "trials",
                          24.0 * archpool::kMiners * days);
  archpool::PrintJsonLine("month/idle_requests", count(month.idle()),
                          "requests", count(month.trials()));
  archpool::PrintJsonLine("month/commands_per_second",
                          count(month.commands()) / archpool::CpuSeconds(),
                          "commands/s", 200'000);
  archpool::PrintJsonLine("month/wall_s", seconds, "s", archpool::kGoalSeconds);
  return seconds < archpool::kGoalSeconds ? 0 : 1;
}
