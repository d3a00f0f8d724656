// SPDX-License-Identifier: Apache-2.0
// What cheating brings: one miner that cheats among honest ones, around the
// real core, for a fixed time. Pure; a seed reproduces a run.
#ifndef ARCHPOOL_SIMULATOR_CHEATS_H_
#define ARCHPOOL_SIMULATOR_CHEATS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace archpool {

// How a miner cheats. What it fakes costs it neither time nor money.
struct CheatPlan {
  std::string name;
  double trials = 0;    // share of its trials that it fakes
  double segments = 1;  // share of such a trial's segments that are false
  // The start is not the trial key's: seen in every audit.
  bool has_false_start = false;
  double inflation = 0;        // what it adds to the claim of such a trial
  int64_t honest_trials = 0;   // before it begins; under each name
  bool leaves_audits = false;  // does not answer those of faked trials
  // Nor does anything else until one of these is decided: as if it were gone.
  bool falls_silent = false;
  // Instead continues under another name, and never under that one again.
  bool moves_on = false;
  bool breaks_verifiers = false;  // whatever examines a fake crashes
  // Says that its fakes learnt nothing, which is paid too.
  bool claims_chance = false;
  // Says that its fakes diverged in this segment: all before it are trained.
  // 0: it does not.
  int64_t diverges_in = 0;
  // None before it is trained: it begins with made-up weights that diverge.
  bool makes_up_divergence = false;
};

struct CheatOutcome {
  double paid_trials = 0;     // accepted when the task ended
  double trained_trials = 0;  // that it really trained, parts as parts
  int64_t committed_trials = 0;
  // Trials committed from the first fake to the first rejection for a reason of
  // its own.
  std::optional<int64_t> found_after;
  // Sums over all miners: trainings, and what verifiers replayed of them.
  double trainings = 0;
  double replayed_trainings = 0;
  int64_t honest_rejected = 0;  // trials of honest miners; 0
};

// `duration`: how many trainings an honest miner finishes.
CheatOutcome SimulateCheat(const CheatPlan& plan, int64_t duration,
                           uint64_t seed);

// The attacks of docs/threat-model.md that are made in trainings, and an honest
// miner first.
std::vector<CheatPlan> KnownCheats();

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_CHEATS_H_
