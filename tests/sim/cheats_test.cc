// SPDX-License-Identifier: Apache-2.0
// No cheat pays, neither a miner's nor a client's, and whoever works honestly
// beside one is paid: over a few seeds, where archpool-sim cheats takes many.
#include "simulator/cheats.h"

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "common/base/sanitized.h"
#include "gtest/gtest.h"
#include "simulator/client_cheats.h"

namespace archpool {
namespace {

// Sanitised, one short run of each goes through the same code, in a minute.
constexpr uint64_t kSeedsOfClients = kIsSanitized ? 1 : 3;
constexpr uint64_t kSeedsOfMiners = kIsSanitized ? 1 : 4;
constexpr int64_t kTrainings = kIsSanitized ? 40 : 80;

// The honest clients to compare with: the same for many cheats.
class HonestClients {
 public:
  const ClientOutcome& Beside(const ClientPlan& plan, uint64_t seed) {
    const auto [found, is_new] =
        outcomes_.try_emplace({plan.rule, plan.price, seed});
    if (is_new) {
      found->second = SimulateClient(HonestOf(plan), kTrainings, seed);
    }
    return found->second;
  }

 private:
  std::map<std::tuple<RewardRule, double, uint64_t>, ClientOutcome> outcomes_;
};

TEST(ClientCheats, NoClientGainsAndItsMinersArePaid) {
  HonestClients honest_clients;
  for (const ClientPlan& plan : KnownClientCheats()) {
    for (uint64_t seed = 1; seed <= kSeedsOfClients; ++seed) {
      SCOPED_TRACE(plan.name);
      const ClientOutcome cheat = SimulateClient(plan, kTrainings, seed);
      const ClientOutcome& honest = honest_clients.Beside(plan, seed);
      EXPECT_FALSE(Pays(honest, cheat))
          << ClientProfit(cheat) << " beside " << ProfitWithout(honest, cheat);
      EXPECT_TRUE(MinersArePaid(honest, cheat))
          << cheat.honest_unpaid << " unpaid, profit " << MinersProfit(cheat)
          << " beside " << MinersProfit(honest);
      EXPECT_GT(cheat.honest_trainings, 0);
      EXPECT_GT(honest.results, 0);
    }
  }
}

// What the test above would see.
TEST(ClientCheats, AGainAndALossAreSeen) {
  const ClientOutcome honest = {.results = 100,
                                .spent = 105,
                                .honest_income = 100,
                                .honest_trainings = 100};
  EXPECT_FALSE(Pays(honest, honest));
  EXPECT_TRUE(MinersArePaid(honest, honest));
  ClientOutcome gift = honest;
  gift.spent = 100;
  EXPECT_TRUE(Pays(honest, gift));
  ClientOutcome unpaid = honest;
  unpaid.honest_unpaid = 1;
  EXPECT_FALSE(MinersArePaid(honest, unpaid));
  unpaid = honest;
  unpaid.honest_income = 97;
  EXPECT_FALSE(MinersArePaid(honest, unpaid));
}

// Most begin to cheat after sixty honest trainings.
constexpr int64_t kTrainingsOfMiners = kIsSanitized ? 70 : 160;

double MeanProfit(const CheatPlan& plan) {
  double sum = 0;
  for (uint64_t seed = 1; seed <= kSeedsOfMiners; ++seed) {
    const CheatOutcome outcome = SimulateCheat(plan, kTrainingsOfMiners, seed);
    sum += outcome.paid_trials - kCostOfTraining * outcome.trained_trials;
    EXPECT_EQ(outcome.honest_rejected, 0);
    EXPECT_GT(outcome.committed_trials, 0);
  }
  return sum / static_cast<double>(kSeedsOfMiners);
}

// A rare fake is worth little and found rarely: of few runs, what it brings is
// known to some trainings' pay.
TEST(MinerCheats, NoMinerGainsAndNoOtherIsRejected) {
  constexpr double kChance = 8;
  const std::vector<CheatPlan> plans = KnownCheats();
  ASSERT_EQ(plans[0].trials, 0) << "the honest one";
  const double honest = MeanProfit(plans[0]);
  for (size_t i = 1; i < plans.size(); ++i) {
    SCOPED_TRACE(plans[i].name);
    EXPECT_LT(MeanProfit(plans[i]), honest + kChance);
  }
}

}  // namespace
}  // namespace archpool
