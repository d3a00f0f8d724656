// SPDX-License-Identifier: Apache-2.0
// Money adds up: against naive arithmetic, over many random splits.
#include "server/core/leaves/reward.h"

#include <numeric>
#include <string>

#include "common/base/counter_rng.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

__extension__ using Int128 = __int128;
__extension__ using Wide = unsigned __int128;

TEST(RewardTest, PotsAddUpToTheReward) {
  CounterRng rng(1, 1);
  for (int i = 0; i < 100'000; ++i) {
    const auto reward = static_cast<Amount>(rng.Below64(kAmountMax));
    const int64_t fee = rng.Below(400'000);
    const int64_t bonus = rng.Below(500'000);
    const RewardPots pots = CutReward(reward, fee, bonus);
    EXPECT_EQ(pots.fee + pots.bonus + pots.work, reward);
    EXPECT_GE(pots.work, 0);
  }
}

// Every share is within one unit of the exact one, and the sum is the exact
// rounded-down total.
TEST(RewardTest, SplitsAddUpExactlyAndStayWithinOneUnit) {
  CounterRng rng(2, 1);
  for (int round = 0; round < 200'000; ++round) {
    const auto pot = static_cast<Amount>(rng.Below64(kAmountMax));
    std::vector<int64_t> weights(1 + rng.Below(6));
    for (int64_t& weight : weights) {
      weight = static_cast<int64_t>(rng.Below64(uint64_t{1} << rng.Below(40)));
    }
    const int64_t used =
        std::accumulate(weights.begin(), weights.end(), int64_t{0});
    const int64_t total = used + 1 + rng.Below(1000);
    const std::vector<Amount> shares =
        SplitByRunningTotals(pot, weights, total);
    Amount sum = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      const auto exact = static_cast<Amount>(Int128{pot} * weights[i] / total);
      EXPECT_GE(shares[i], exact);
      EXPECT_LE(shares[i], exact + 1);
      sum += shares[i];
    }
    EXPECT_EQ(sum, static_cast<Amount>(Int128{pot} * used / total));
  }
}

// The definition itself, by multiplication alone: a running share is the
// largest number whose product with the total is not over pot times running
// weight. Weights up to the greatest budget; more credit is never less money.
TEST(RewardTest, AMillionSplitsAreWhatTheyAreDefinedToBe) {
  CounterRng rng(3, 1);
  for (int round = 0; round < 1'000'000; ++round) {
    const auto pot =
        static_cast<Amount>(rng.Below64(1 + static_cast<uint64_t>(kAmountMax)));
    std::vector<int64_t> weights(1 + rng.Below(4));
    int64_t used = 0;
    for (int64_t& weight : weights) {
      weight =
          static_cast<int64_t>(rng.Below64(uint64_t{1} << (1 + rng.Below(57))));
      used += weight;
    }
    const int64_t total =
        used + static_cast<int64_t>(rng.Below64(uint64_t{1} << 57)) + 1;
    const std::vector<Amount> shares =
        SplitByRunningTotals(pot, weights, total);
    Wide running_weight = 0;
    Wide running_share = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      ASSERT_GE(shares[i], 0);
      running_weight += static_cast<Wide>(weights[i]);
      running_share += static_cast<Wide>(shares[i]);
      const Wide product = static_cast<Wide>(pot) * running_weight;
      ASSERT_LE(running_share * static_cast<Wide>(total), product);
      ASSERT_GT((running_share + 1) * static_cast<Wide>(total), product);
    }
    const size_t raised = rng.Below(static_cast<uint32_t>(weights.size()));
    ++weights[raised];
    ASSERT_GE(SplitByRunningTotals(pot, weights, total)[raised],
              shares[raised]);
  }
}

class SettleTest : public testing::Test {
 protected:
  SettleTest() {
    TaskSpec spec;
    spec.terms.reward = 1'000'000;
    spec.budget.work_units = 100;
    task.spec = std::make_shared<const TaskSpec>(spec);
    task.fee_pot = 50'000;
    task.bonus_pot = 100'000;
    task.work_pot = 850'000;
  }
  static Trial Accepted(int64_t id, int64_t account, WorkUnits units,
                        int64_t accuracy_ppm, int64_t macs) {
    Trial trial;
    trial.id = {id};
    trial.architecture_id = Sha256(std::to_string(id));
    trial.account = {account};
    trial.work_units = units;
    VerdictIn(trial).verified_accuracy_ppm = accuracy_ppm;
    trial.macs = macs;
    trial.state = TrialState::kAccepted;
    trial.commitment.emplace();
    return trial;
  }
  static Amount Paid(const Settlement& settlement) {
    Amount paid = 0;
    for (const TrialPay& pay : settlement.trials) {
      paid += pay.pay + pay.finders_bonus;
    }
    return paid;
  }
  Task task;
  // Size counts, up to 100 multiply-accumulates.
  BonusRegion region{.accuracy_min_ppm = 100'000, .macs_max = 100};
};

TEST_F(SettleTest, NothingAcceptedRefundsEverything) {
  const Settlement settlement = Settle(task, region, {});
  EXPECT_EQ(settlement.refund, 1'000'000);
  EXPECT_EQ(settlement.fee, 0);
}

TEST_F(SettleTest, AFullBudgetUsesTheWholeReward) {
  const std::vector<Trial> trials = {Accepted(1, 1, 60, 900'000, 10),
                                     Accepted(2, 2, 40, 800'000, 20)};
  const Settlement settlement = Settle(task, region, trials);
  EXPECT_EQ(settlement.fee, 50'000);
  EXPECT_EQ(settlement.refund, 0);
  EXPECT_EQ(settlement.trials[0].pay, 510'000);
  EXPECT_EQ(settlement.trials[1].pay, 340'000);
  EXPECT_EQ(settlement.trials[0].finders_bonus, 100'000)
      << "the other network is beaten in both";
}

// Cancelling right after a find must not save the client the bonus.
TEST_F(SettleTest, TheBonusIsPaidWholeForAnyFront) {
  const Settlement settlement =
      Settle(task, region, std::vector<Trial>{Accepted(1, 1, 1, 900'000, 10)});
  EXPECT_EQ(settlement.trials[0].finders_bonus, 100'000);
  EXPECT_EQ(settlement.trials[0].pay, 8'500);
  EXPECT_EQ(Paid(settlement) + settlement.fee + settlement.refund, 1'000'000);
}

TEST_F(SettleTest, TheOrderOfTrialsDoesNotMatter) {
  std::vector<Trial> trials = {Accepted(1, 2, 33, 910'000, 50),
                               Accepted(2, 1, 33, 900'000, 10),
                               Accepted(3, 3, 33, 905'000, 20)};
  const Settlement forward = Settle(task, region, trials);
  std::reverse(trials.begin(), trials.end());
  const Settlement backward = Settle(task, region, trials);
  ASSERT_EQ(forward.trials.size(), backward.trials.size());
  for (size_t i = 0; i < forward.trials.size(); ++i) {
    EXPECT_EQ(forward.trials[i].trial, backward.trials[i].trial);
    EXPECT_EQ(forward.trials[i].pay, backward.trials[i].pay);
    EXPECT_EQ(forward.trials[i].finders_bonus,
              backward.trials[i].finders_bonus);
  }
  EXPECT_EQ(Paid(forward) + forward.fee + forward.refund, 1'000'000);
}

Amount BonusOf(const Settlement& settlement, int64_t trial) {
  for (const TrialPay& pay : settlement.trials) {
    if (pay.trial.value == trial) return pay.finders_bonus;
  }
  return -1;
}

// The smallest and worst network of a front once took 93 of 100 coins of a task
// in which accuracy was all that was asked.
TEST_F(SettleTest, WhereAccuracyIsAllThatWasAskedItAloneIsPaid) {
  region.macs_max = 0;
  const std::vector<Trial> trials = {Accepted(1, 1, 1, 700'000, 1),
                                     Accepted(2, 2, 1, 900'000, 50),
                                     Accepted(3, 3, 1, 910'000, 99)};
  const Settlement settlement = Settle(task, region, trials);
  EXPECT_EQ(BonusOf(settlement, 1), 0);
  EXPECT_EQ(BonusOf(settlement, 2), 0);
  EXPECT_EQ(BonusOf(settlement, 3), 100'000);
}

TEST_F(SettleTest, WhereSizeCountsEachGetsTheAreaThatItAloneBeats) {
  region = {.accuracy_min_ppm = 500'001, .macs_max = 99};
  const std::vector<Trial> trials = {Accepted(1, 1, 1, 700'000, 20),
                                     Accepted(2, 2, 1, 900'000, 60)};
  const Settlement settlement = Settle(task, region, trials);
  // (700,000 - 500,000) * (60 - 20) and (900,000 - 700,000) * (100 - 60).
  EXPECT_EQ(BonusOf(settlement, 1), 50'000);
  EXPECT_EQ(BonusOf(settlement, 2), 50'000);
}

TEST_F(SettleTest, TheEdgesOfTheRegionBelongToIt) {
  region = {.accuracy_min_ppm = 900'000, .macs_max = 10};
  const std::vector<Trial> trials = {Accepted(1, 1, 1, 900'000, 10)};
  EXPECT_EQ(BonusOf(Settle(task, region, trials), 1), 100'000);
}

TEST_F(SettleTest, ABonusWhoseRegionNothingReachesGoesBack) {
  const std::vector<Trial> trials = {Accepted(1, 1, 100, 900'000, 10)};
  for (const BonusRegion& far :
       {BonusRegion{.accuracy_min_ppm = 900'001},
        BonusRegion{.accuracy_min_ppm = 0, .macs_max = 9},
        BonusRegion{.accuracy_min_ppm = 1'000'001, .macs_max = 100}}) {
    const Settlement settlement = Settle(task, far, trials);
    EXPECT_EQ(BonusOf(settlement, 1), 0);
    EXPECT_EQ(Paid(settlement) + settlement.fee + settlement.refund, 1'000'000);
    EXPECT_GE(settlement.refund, 100'000);
  }
}

// A client who knows a good front cannot bait with a bonus that it keeps: what
// is new takes all of it.
TEST_F(SettleTest, OnlyWhatIsNewShares) {
  Trial known = Accepted(1, 1, 1, 800'000, 10);
  known.known_from = {9};
  const std::vector<Trial> trials = {known, Accepted(2, 2, 1, 810'000, 90)};
  EXPECT_EQ(BonusOf(Settle(task, region, trials), 2), 100'000);
  Trial behind = Accepted(2, 2, 1, 790'000, 90);
  EXPECT_EQ(BonusOf(Settle(task, region, std::vector<Trial>{known, behind}), 2),
            0);
}

TEST_F(SettleTest, WhatIsAtChanceIsPaidForItsWorkAlone) {
  Trial guess = Accepted(1, 1, 40, 990'000, 1);
  guess.is_at_chance = true;
  const std::vector<Trial> trials = {guess, Accepted(2, 2, 1, 810'000, 90)};
  const Settlement settlement = Settle(task, region, trials);
  EXPECT_EQ(settlement.trials[0].pay, 340'000);
  EXPECT_EQ(BonusOf(settlement, 1), 0);
  EXPECT_EQ(BonusOf(settlement, 2), 100'000);
}

}  // namespace
}  // namespace archpool
