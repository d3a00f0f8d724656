// SPDX-License-Identifier: Apache-2.0
#include "simulator/runs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "simulator/space_file.h"

namespace archpool {

nlohmann::json RunSeed(const Setting& setting, uint64_t seed) {
  SimulationOptions options = setting.options;
  options.seed = seed;
  const SearchSpace original = setting.options.space;
  std::vector<std::vector<uint8_t>> old_index;
  if (setting.relabels) {
    Relabelling relabelling = Relabel(original, seed);
    for (const std::vector<uint8_t>& renamed : relabelling.new_index) {
      std::vector<uint8_t>& back = old_index.emplace_back(renamed.size());
      for (size_t c = 0; c < renamed.size(); ++c) {
        back[renamed[c]] = static_cast<uint8_t>(c);
      }
    }
    options.space = std::move(relabelling.space);
  }
  if (!setting.table.outcomes.empty()) {
    options.outcome_of = [&](const Architecture& architecture) {
      Architecture spelt = architecture;
      for (size_t d = 0; d < old_index.size(); ++d) {
        spelt.choices[d] = old_index[d][spelt.choices[d]];
      }
      return setting.table
          .outcomes[static_cast<size_t>(original.RankOf(spelt))];
    };
  }
  const auto begin = std::chrono::steady_clock::now();
  const SimulationResult result = Simulate(options);
  const double wall_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  const double scale = setting.table.is_percent ? 100 : 1;
  nlohmann::json json = {
      {"seed", result.seed},
      {"trials", result.trials},
      {"distinct_architectures", result.distinct_architectures},
      {"backup_trials", result.backup_trials},
      {"work_units", result.work_units},
      {"backup_work_units", result.backup_work_units},
      {"best_value", result.best_value * scale},
      {"best_architecture", result.best_architecture},
      {"trials_to_target", nullptr},
      {"time_to_target", nullptr},
      {"high_reward_boxes", result.high_reward_boxes},
      {"high_reward_boxes_completed_in_time",
       result.high_reward_boxes_completed_in_time},
      {"false_claims_accepted", result.false_claims_accepted},
      {"copied_trials", result.copied_trials},
      {"paid_twice", result.paid_twice},
      {"duration", result.duration},
      {"commands", result.commands},
      {"events_sha256", result.events_sha256},
      {"violations", result.violations},
      {"wall_s", wall_s}};
  if (result.trials_to_target) {
    json["trials_to_target"] = *result.trials_to_target;
    json["time_to_target"] = *result.time_to_target;
  }
  return json;
}

std::vector<nlohmann::json> RunSeeds(const Setting& setting, uint64_t first,
                                     int64_t count) {
  std::vector<nlohmann::json> runs(static_cast<size_t>(count));
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < runs.size(); i = next++) {
      runs[i] = RunSeed(setting, first + i);
    }
  };
  std::vector<std::thread> threads;
  const unsigned most = std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < most && i < runs.size(); ++i) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) thread.join();
  return runs;
}

double QuantileOf(const std::vector<nlohmann::json>& runs,
                  const std::string& key, double at) {
  std::vector<double> values;
  for (const nlohmann::json& run : runs) {
    values.push_back(run.at(key).is_null()
                         ? std::numeric_limits<double>::infinity()
                         : run.at(key).get<double>());
  }
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<size_t>(std::floor(at * last))];
}

}  // namespace archpool
