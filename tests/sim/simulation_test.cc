// SPDX-License-Identifier: Apache-2.0
// Seeds of the simulator with everything going wrong at once: the oracle must
// find nothing, and a seed must repeat.
#include "simulator/simulation.h"

#include "common/base/sanitized.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "simulator/space_file.h"

namespace archpool {
namespace {

// A space of 729 with main effects and an interaction.
SimulationOptions Small(uint64_t seed) {
  SimulationOptions options;
  std::string yaml = "dimensions:\n";
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    yaml += std::string("  ") + name + ": [x, y, z]\n";
  }
  options.space = *ParseSpaceFile(yaml);
  options.outcome_of = [](const Architecture& one) {
    double value = 0.5;
    for (const uint8_t choice : one.choices) value += 0.03 * choice;
    if (one.choices[0] == one.choices[1]) value += 0.05;
    return Outcome{.metric = value, .judge = value};
  };
  options.miners = 12;
  options.budget_trials = 120;
  options.seed = seed;
  return options;
}

class SimulationTest : public ::testing::TestWithParam<int> {};

TEST_P(SimulationTest, NothingIsLostWhateverGoesWrong) {
  SimulationOptions options = Small(static_cast<uint64_t>(GetParam()));
  options.list_length = 1 + GetParam() % 6;
  options.churn = 0.3;
  options.speed_deviation = 0.5;
  options.liars = 0.2;
  options.liars_delta = 0.05;
  options.lost_leases = 0.1;
  options.partitions = 0.1;
  options.stragglers = 0.1;
  options.colluders = 0.3;
  options.faults = 0.03;
  const SimulationResult result = Simulate(options);
  EXPECT_THAT(result.violations, ::testing::IsEmpty());
  EXPECT_EQ(result.false_claims_accepted, 0);
  EXPECT_EQ(result.paid_twice, 0);
  EXPECT_GE(result.trials, options.budget_trials);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SimulationTest,
                         ::testing::Range(1, archpool::kIsSanitized ? 3 : 9));

TEST(SimulationDeterminism, ASeedRepeatsBitForBit) {
  SimulationOptions options = Small(5);
  if (kIsSanitized) options.budget_trials = 40;
  options.churn = 0.2;
  options.faults = 0.02;
  const SimulationResult first = Simulate(options);
  EXPECT_EQ(first.events_sha256, Simulate(options).events_sha256);
  options.seed = 6;
  EXPECT_NE(first.events_sha256, Simulate(options).events_sha256);
}

// Nobody else is given a network that is being trained, except as a backup: all
// that a person with many accounts can copy.
TEST(SimulationColluders, CopyNothingButBackups) {
  SimulationOptions options = Small(3);
  options.colluders = 1;
  options.backups = false;
  EXPECT_EQ(Simulate(options).copied_trials, 0);
  options.backups = true;
  options.miners = 40;
  // What a trial takes grows with those before it.
  options.budget_trials = kIsSanitized ? 150 : 600;
  options.list_length = 6;
  options.churn = 0.4;
  options.speed_deviation = 0.3;
  options.subspaces = 81;
  options.silence = 0.5;  // it takes long to hear that a twin committed first
  int64_t copied = 0;
  for (options.seed = 1; options.seed <= 4; ++options.seed) {
    const SimulationResult result = Simulate(options);
    EXPECT_LE(result.copied_trials, result.backup_trials);
    copied += result.copied_trials;
  }
  EXPECT_GT(copied, 0);
}

TEST(SimulationBackups, FinishWhatLeaversLeave) {
  const auto late = [](bool backups, int64_t& backup_trials) {
    int64_t missed = 0;
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      SimulationOptions options = Small(seed);
      options.search.kind = SearchPolicyKind::kRandom;
      options.miners = 40;
      options.budget_trials = 600;
      options.list_length = 6;
      options.churn = 0.4;
      options.speed_deviation = 0.3;
      options.subspaces = 81;
      options.backups = backups;
      const SimulationResult result = Simulate(options);
      missed +=
          result.high_reward_boxes - result.high_reward_boxes_completed_in_time;
      backup_trials += result.backup_trials;
    }
    return missed;
  };
  int64_t with = 0;
  int64_t without = 0;
  EXPECT_LT(late(true, with), late(false, without));
  EXPECT_GT(with, 0);
  EXPECT_EQ(without, 0);
}

}  // namespace
}  // namespace archpool
