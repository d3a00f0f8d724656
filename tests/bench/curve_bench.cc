// SPDX-License-Identifier: Apache-2.0
// How much sooner more miners find what one finds: on NK landscapes of 4^20
// networks (tests/sim/nk_landscape.h), the time, in mean trial times, until the
// pool has a network of the 99.9th percentile of what a long run finds. Prints
// a line for each number of miners, the slope between the first and the last on
// logarithmic scales, and regularised evolution at one miner. Every run is the
// whole simulator, oracle included. Takes minutes.
//
//   curve_bench [K [SEEDS]]    default: 6 neighbours, 24 landscapes
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "simulator/simulation.h"
#include "tests/bench/json_line.h"
#include "tests/sim/nk_landscape.h"

namespace archpool {
namespace {

constexpr int kDimensions = 20;
constexpr int kChoices = 4;
constexpr int64_t kLongRunTrials = 100'000;
constexpr int64_t kBudgetTrials = 30'000;
constexpr double kPercentile = 0.999;
constexpr double kSlopeGoal = -0.85;

struct Race {
  const char* policy;
  int64_t miners;
};
// The first is what the others are compared with.
constexpr Race kRaces[] = {{"evolution:50:10", 1}, {"model", 1},
                           {"model", 4},           {"model", 16},
                           {"model", 64},          {"model", 256}};

SimulationOptions OptionsOf(const testing::NkLandscape& landscape,
                            const Race& race, uint64_t seed) {
  SimulationOptions options;
  options.space = landscape.space();
  options.outcome_of = [&landscape](const Architecture& one) {
    const double fitness = landscape.FitnessOf(one);
    return Outcome{.metric = fitness, .judge = fitness, .duration = 1};
  };
  options.search = *ParseSearchPolicy(race.policy);
  options.miners = race.miners;
  options.budget_trials = kBudgetTrials;
  options.seed = seed;
  return options;
}

// Of the distinct networks that a long run of regularised evolution finds, the
// percentile. No pool: one searcher, alone.
double TargetOf(const testing::NkLandscape& landscape, uint64_t seed) {
  const auto policy = MakeSearchPolicy(*ParseSearchPolicy("evolution:50:10"),
                                       landscape.space(), seed);
  std::set<Digest> tried;
  std::vector<double> found;
  const auto id_of = [](const Architecture& one) -> std::optional<Digest> {
    return Sha256(absl::string_view(
        reinterpret_cast<const char*>(one.choices.data()), one.choices.size()));
  };
  const auto is_taken = [&](const Digest& id) { return tried.contains(id); };
  while (static_cast<int64_t>(found.size()) < kLongRunTrials) {
    const std::vector<Architecture> next = policy
                                               ->Rank({.count = 1,
                                                       .boxes = {},
                                                       .dead_boxes = {},
                                                       .id_of = id_of,
                                                       .is_taken = is_taken,
                                                       .pending = {}})
                                               .candidates;
    const double fitness = landscape.FitnessOf(next[0]);
    tried.insert(*id_of(next[0]));
    found.push_back(fitness);
    policy->Observe({next[0], fitness});
  }
  const auto at = static_cast<std::ptrdiff_t>(
      kPercentile * static_cast<double>(found.size() - 1));
  std::nth_element(found.begin(), found.begin() + at, found.end());
  return found[static_cast<size_t>(at)];
}

// Times to the target, for each race; infinite where it was not reached.
std::vector<double> RunSeed(int k, uint64_t seed) {
  const testing::NkLandscape landscape(kDimensions, kChoices, k, seed);
  const double target = TargetOf(landscape, seed);
  std::vector<double> times;
  for (const Race& race : kRaces) {
    SimulationOptions options = OptionsOf(landscape, race, seed);
    options.target = target;
    options.stops_at_target = true;
    const SimulationResult result = Simulate(options);
    ARCHPOOL_CHECK(result.violations.empty());
    times.push_back(result.time_to_target.value_or(INFINITY));
  }
  return times;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool Run(int k, uint64_t seeds) {
  std::vector<std::vector<double>> times(seeds);
  std::atomic<uint64_t> next = 0;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    threads.emplace_back([&] {
      for (uint64_t s = next++; s < seeds; s = next++) {
        times[s] = RunSeed(k, s + 1);
      }
    });
  }
  threads.clear();
  std::vector<double> medians;
  for (size_t r = 0; r < std::size(kRaces); ++r) {
    std::vector<double> of_race;
    for (const auto& seed_times : times) of_race.push_back(seed_times[r]);
    medians.push_back(Median(of_race));
    PrintJsonLine(absl::StrCat("curve/nk", k, "/", kRaces[r].policy, "/",
                               kRaces[r].miners, "_miners"),
                  medians.back(), "trial times", medians.front());
  }
  const double slope =
      std::log(medians.back() / medians[1]) /
      std::log(static_cast<double>(kRaces[std::size(kRaces) - 1].miners));
  PrintJsonLine(absl::StrCat("curve/nk", k, "/slope"), slope, "power of N",
                kSlopeGoal);
  return slope <= kSlopeGoal && medians[1] <= medians[0];
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  const int k = argc > 1 ? std::atoi(argv[1]) : 6;
  const uint64_t seeds = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 24;
  return archpool::Run(k, seeds) ? 0 : 1;
}
