// SPDX-License-Identifier: Apache-2.0
// How long splitting a reward over a million accepted trials takes: the shares
// alone, and the whole settlement with its finder's bonus. A hundred thousand
// of them were measured. The baseline is the goal, half a second; fails beyond
// it.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/counter_rng.h"
#include "server/core/leaves/reward.h"
#include "tests/bench/bench_util.h"
#include "tests/bench/json_line.h"

namespace archpool {
namespace {

constexpr int64_t kTrials = 1'000'000;
constexpr int64_t kMiners = 1'000;
constexpr double kGoalSeconds = 0.5;
constexpr int kRounds = 5;

template <typename Work>
double MedianSeconds(const Work& work) {
  std::vector<double> seconds;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds.push_back(SecondsSince(start));
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[kRounds / 2];
}

int Main() {
  CounterRng rng(1, 0);
  std::vector<Trial> trials(kTrials);
  std::vector<int64_t> units;
  int64_t total = 0;
  for (int64_t i = 0; i < kTrials; ++i) {
    Trial& trial = trials[static_cast<size_t>(i)];
    trial.id = {i + 1};
    trial.account = {1 + rng.Below(kMiners)};
    trial.state = TrialState::kAccepted;
    trial.commitment.emplace();
    trial.architecture_id = Sha256(std::to_string(i));
    trial.work_units = 1 + rng.Below(1'000'000);
    trial.macs = 1 + rng.Below(1'000'000'000);
    if (i % 10 == 0) {
      VerdictIn(trial).verified_accuracy_ppm = rng.Below(1'000'000);
    }
    units.push_back(trial.work_units);
    total += trial.work_units;
  }
  Task task;
  TaskSpec spec;
  spec.terms.reward = kAmountMax;
  spec.budget.work_units = total;
  task.spec = std::make_shared<const TaskSpec>(spec);
  const RewardPots pots = CutReward(kAmountMax, 50'000, 100'000);
  task.fee_pot = pots.fee;
  task.bonus_pot = pots.bonus;
  task.work_pot = pots.work;

  const double split = MedianSeconds(
      [&] { (void)SplitByRunningTotals(pots.work, units, total); });
  const BonusRegion region{.macs_max = 2'000'000'000};
  Amount refund = 0;
  const double settle =
      MedianSeconds([&] { refund = Settle(task, region, trials).refund; });
  PrintJsonLine("reward/split_1M", split, "s", kGoalSeconds);
  PrintJsonLine("reward/settle_1M", settle, "s", kGoalSeconds);
  // What is over comes back: nothing, where the whole budget was worked.
  return refund == 0 && settle <= kGoalSeconds ? 0 : 1;
}

}  // namespace
}  // namespace archpool

int main() { return archpool::Main(); }
