// SPDX-License-Identifier: Apache-2.0
// Many seeds of one setting, and what they say together.
#ifndef ARCHPOOL_SIMULATOR_RUNS_H_
#define ARCHPOOL_SIMULATOR_RUNS_H_

#include <functional>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "simulator/simulation.h"

namespace archpool {

// A setting: everything but the seed.
struct Setting {
  SimulationOptions options;
  Table table;
  bool relabels = false;  // permutes each dimension's choices per seed
};

// One seed of it. `wall_s` is the only thing that does not repeat.
nlohmann::json RunSeed(const Setting& setting, uint64_t seed);

// Seeds first, first + 1, …, on as many threads as there are processors; in the
// order of the seeds.
std::vector<nlohmann::json> RunSeeds(const Setting& setting, uint64_t first,
                                     int64_t count);

// The quartiles of a key; null counts as more than any number. `at` in [0, 1].
double QuantileOf(const std::vector<nlohmann::json>& runs,
                  const std::string& key, double at);

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_RUNS_H_
