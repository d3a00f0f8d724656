// SPDX-License-Identifier: Apache-2.0
// How long a month of a pool of 1,000 miners takes to live through in the whole
// simulator: the real core, the search policy beside it, the independent
// oracle. Trials of an hour at the mean, each miner at its own speed, one in a
// hundred leaving every lease term, backups, every trial audited. Networks are
// those of an NK landscape (tests/sim/nk_landscape.h). A task is done after so
// many days, and the next one comes. The goal is a month in a minute, two
// seconds a day; fails where a day takes four times that.
//
//   month_bench [DAYS [DAYS_PER_TASK [POLICY]]]    default: 4 1 model
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "simulator/simulation.h"
#include "tests/bench/json_line.h"
#include "tests/sim/nk_landscape.h"

namespace archpool {
namespace {

constexpr double kGoalSecondsPerDay = 2;
constexpr double kFloorSecondsPerDay = 8;
constexpr int64_t kMiners = 1'000;

SimulationOptions MonthOf(const testing::NkLandscape& landscape, int days,
                          int days_per_task, const SearchPolicySpec& policy) {
  SimulationOptions options;
  options.space = landscape.space();
  options.outcome_of = [&landscape](const Architecture& one) {
    const double fitness = landscape.FitnessOf(one);
    return Outcome{.metric = fitness, .judge = fitness, .duration = 1};
  };
  options.search = policy;
  options.miners = kMiners;
  options.budget_trials = int64_t{24} * days_per_task * kMiners;
  options.tasks = days / days_per_task;
  options.subspaces = 256;
  options.list_length = 4;
  options.speed_deviation = 0.3;
  options.churn = 0.01;
  options.silence = 0.2;
  return options;
}

bool Run(int days, int days_per_task, const SearchPolicySpec& policy) {
  const testing::NkLandscape landscape(16, 4, 4, 1);
  const auto begin = std::chrono::steady_clock::now();
  const SimulationResult result =
      Simulate(MonthOf(landscape, days, days_per_task, policy));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  for (const std::string& violation : result.violations) {
    std::fprintf(stderr, "month_bench: %s\n", violation.c_str());
  }
  PrintJsonLine("month/trials", static_cast<double>(result.trials), "trials",
                static_cast<double>(kMiners) * 24 * days);
  PrintJsonLine("month/simulated", result.duration / 24, "days", days);
  PrintJsonLine("month/commands", static_cast<double>(result.commands),
                "commands", static_cast<double>(result.trials));
  PrintJsonLine("month/wall_s", seconds, "s", kGoalSecondsPerDay * days);
  return result.violations.empty() && seconds < kFloorSecondsPerDay * days;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  const int days = argc > 1 ? std::atoi(argv[1]) : 4;
  const int days_per_task = argc > 2 ? std::max(1, std::atoi(argv[2])) : 1;
  const auto policy = archpool::ParseSearchPolicy(argc > 3 ? argv[3] : "model");
  return policy.ok() && archpool::Run(days, days_per_task, *policy) ? 0 : 1;
}
