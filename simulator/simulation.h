// SPDX-License-Identifier: Apache-2.0
// One simulated task: scripted miners and a verifier around the real core,
// under virtual time. A seed reproduces a run bit for bit.
#ifndef ARCHPOOL_SIMULATOR_SIMULATION_H_
#define ARCHPOOL_SIMULATOR_SIMULATION_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/nas/search/search_policy.h"
#include "common/nas/search_space.h"
#include "simulator/table.h"

namespace archpool {

// How long training takes at the mean, in virtual time.
inline constexpr absl::Duration kMeanTrialTime = absl::Seconds(60);

struct SimulationOptions {
  SearchSpace space;  // plain
  // What training an architecture of `space` gives.
  std::function<Outcome(const Architecture&)> outcome_of;
  SearchPolicySpec search;
  int64_t miners = 8;
  int64_t budget_trials = 100;  // of each task
  // Tasks of the same kind, one after the other; each is searched again.
  int64_t tasks = 1;
  std::optional<double> target;  // of the judge's value, a share of 1
  bool stops_at_target = false;
  int64_t subspaces = 16;
  // Trials of a lease's list. A lease term is twice the mean time it takes.
  int64_t list_length = 1;
  double speed_deviation = 0;  // of the miners' paces, around 1
  double churn = 0;            // share of miners that leave per lease term
  bool backups = true;
  double liars = 0;        // share of miners,
  double liars_delta = 0;  // and what they add to a claim, a share of 1
  // Share of miners that are one person, who copies a network's result for
  // another of these accounts instead of training it again.
  double colluders = 0;
  double lost_leases = 0;  // share of leases that their worker forgets
  double partitions = 0;   // share of leases whose worker is cut off for half a
                           // lease term, trains on, and reports late
  double stragglers = 0;   // share of miners, four times as slow
  bool audits = true;
  // How long a silent lease lives, in lease terms.
  double silence = 0.02;
  double faults = 0;  // share of commands that meet a fault of the server
  uint64_t seed = 1;
};

struct SimulationResult {
  uint64_t seed = 0;
  int64_t trials = 0;  // committed
  int64_t distinct_architectures = 0;
  int64_t backup_trials = 0;
  int64_t work_units = 0;
  int64_t backup_work_units = 0;
  double best_value = 0;  // the judge's, of accepted trials
  std::string best_architecture;
  std::optional<int64_t> trials_to_target;
  std::optional<double> time_to_target;  // in mean trial times
  int64_t high_reward_boxes = 0;         // leased with a deadline that has come
  int64_t high_reward_boxes_completed_in_time = 0;
  int64_t false_claims_accepted = 0;
  int64_t copied_trials = 0;  // accepted results that a colluder copied
  int64_t paid_twice = 0;     // architectures, backups' work aside
  double duration = 0;        // in mean trial times
  int64_t commands = 0;
  std::string events_sha256;
  std::vector<std::string> violations;  // the oracle's; empty
};

SimulationResult Simulate(const SimulationOptions& options);

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_SIMULATION_H_
