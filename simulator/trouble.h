// SPDX-License-Identifier: Apache-2.0
// The pool in the trouble of the real world, under virtual time: it goes down
// and is closed, clocks are wrong, verifiers are sick, lines are slow, machines
// vanish, and some tasks have nothing to learn. A seed reproduces a run bit for
// bit.
#ifndef ARCHPOOL_SIMULATOR_TROUBLE_H_
#define ARCHPOOL_SIMULATOR_TROUBLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/core/rules/policy.h"
#include "simulator/pay_oracle.h"

namespace archpool {

struct TroubleOptions {
  uint64_t seed = 1;
  PoolPolicy policy;  // what an operator has by default
  int64_t miners = 8;
  int64_t verifiers = 3;  // of two accounts
  // Then every open task is cancelled, and all trouble but what is for good
  // ends.
  absl::Duration duration = absl::Hours(8);
  // How often an hour: of the pool,
  double outages = 0.5;
  double maintenances = 0.2;
  // of all verifiers at once, of each,
  double droughts = 0.15;
  double sicknesses = 0.6;
  // and of each miner: it crashes, is cut off, loses its disk or an answer; it
  // goes away for good.
  double mishaps = 0.5;
  double vanishings = 0.04;
  // Shares of miners.
  double slow_lines = 0.25;
  double cheats = 0.1;
  double faults = 0.001;  // share of commands that meet a fault of the server
  // Miners' clocks go wrong, and the pool's is set while it is away.
  bool clocks = true;
  // Share of tasks in which nothing is learnt.
  double hopeless_tasks = 0.2;

  TroubleOptions() {
    policy.leases_need_verifiers = true;
    policy.planted_ppm = 50'000;
    policy.second_look_ppm = 50'000;
  }
};

struct TroubleResult {
  uint64_t seed = 0;
  PayReport pay;
  double units_trained = 0;  // by honest miners
  // About clients: what they paid, for how many trials, and how many of those
  // are results that were verified and learnt something.
  int64_t tasks = 0;
  int64_t tasks_nothing_learnt = 0;
  double coins_offered = 0;
  double coins_paid = 0;
  int64_t trials_paid = 0;
  int64_t results = 0;
  int64_t fakes = 0;
  int64_t fakes_paid = 0;
  // What happened.
  int64_t outages = 0;
  int64_t maintenances = 0;
  int64_t droughts = 0;
  int64_t sicknesses = 0;
  int64_t mishaps = 0;
  int64_t vanishings = 0;
  double hours = 0;
  int64_t commands = 0;
  std::string events_sha256;
  // The oracles'; empty. Each names the seed.
  std::vector<std::string> violations;
};

TroubleResult SimulateTrouble(const TroubleOptions& options);

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_TROUBLE_H_
