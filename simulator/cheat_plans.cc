// SPDX-License-Identifier: Apache-2.0
// The ways of cheating that are known.
#include <cstdint>
#include <utility>
#include <vector>

#include "simulator/cheats.h"

namespace archpool {
namespace {

// Honest trials that bring a miner's audit rate to its floor.
constexpr int64_t kProven = 60;

// Those that are gone when they are drawn.
std::vector<CheatPlan> PlansOfAbsence() {
  return {
      {.name = "fakes one in ten, is silent when asked",
       .trials = 0.1,
       .honest_trials = kProven,
       .leaves_audits = true,
       .falls_silent = true},
      {.name = "fakes at the end, is silent when asked",
       .trials = 0.25,
       .honest_trials = 120,
       .leaves_audits = true,
       .falls_silent = true},
      {.name = "is silent when asked, then another account",
       .trials = 0.1,
       .honest_trials = kProven,
       .leaves_audits = true,
       .falls_silent = true,
       .moves_on = true},
  };
}

}  // namespace

std::vector<CheatPlan> KnownCheats() {
  std::vector<CheatPlan> plans = {
      {.name = "honest", .trials = 0},
      {.name = "new account fakes everything", .trials = 1},
      {.name = "new account, false start",
       .trials = 1,
       .has_false_start = true},
      {.name = "proven miner fakes everything",
       .trials = 1,
       .honest_trials = kProven},
      {.name = "fakes one trial in ten",
       .trials = 0.1,
       .honest_trials = kProven},
      {.name = "fakes one trial in a hundred",
       .trials = 0.01,
       .honest_trials = kProven},
      {.name = "skips half of the segments",
       .trials = 1,
       .segments = 0.5,
       .honest_trials = kProven},
      {.name = "skips one segment of sixteen",
       .trials = 1,
       .segments = 1.0 / 16,
       .honest_trials = kProven},
      {.name = "fakes one in ten, answers no audit of it",
       .trials = 0.1,
       .honest_trials = kProven,
       .leaves_audits = true},
      {.name = "fakes one in ten, breaks what examines it",
       .trials = 0.1,
       .honest_trials = kProven,
       .breaks_verifiers = true},
      {.name = "overstates by 5 points",
       .trials = 1,
       .inflation = 0.05,
       .honest_trials = kProven},
      {.name = "says that nothing was learnt, trains nothing",
       .trials = 1,
       .honest_trials = kProven,
       .claims_chance = true},
      {.name = "new account, nothing learnt, nothing trained",
       .trials = 1,
       .claims_chance = true},
      {.name = "says that a training diverged at once",
       .trials = 1,
       .honest_trials = kProven,
       .diverges_in = 1},
      {.name = "says that a training diverged half-way",
       .trials = 1,
       .honest_trials = kProven,
       .diverges_in = 8},
      {.name = "makes up a divergence half-way",
       .trials = 1,
       .honest_trials = kProven,
       .diverges_in = 8,
       .makes_up_divergence = true},
      {.name = "betrays after 100 honest trials",
       .trials = 1,
       .honest_trials = 100},
  };
  for (CheatPlan& plan : PlansOfAbsence()) plans.push_back(std::move(plan));
  return plans;
}

}  // namespace archpool
