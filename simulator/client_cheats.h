// SPDX-License-Identifier: Apache-2.0
// What cheating brings a client: one that cheats and an honest one, whose tasks
// the same miners work for, around the real core, for a fixed time. Pure; a
// seed reproduces a run.
#ifndef ARCHPOOL_SIMULATOR_CLIENT_CHEATS_H_
#define ARCHPOOL_SIMULATOR_CLIENT_CHEATS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/core/records/reward_records.h"

namespace archpool {

// What the miners do that belong to the client.
enum class OwnMiners {
  kWork,         // like any others
  kOnlyItsTask,  // give back what is not of the client's task
  kFakeItsTask,  // likewise, and train nothing
};

// A client that differs from an honest one in what is set here.
struct ClientPlan {
  std::string name;
  RewardRule rule = RewardRule::kProportional;
  // What it pays for a training, in what the other client pays.
  double price = 1;
  // Offers as much again as a bonus that no network can earn.
  bool baits = false;
  bool learns = true;        // false: its labels say nothing
  double cancels_after = 1;  // of the time
  int own_miners = 0;        // beside the honest ones
  OwnMiners own = OwnMiners::kWork;
};

// In what the other client pays for a training.
struct ClientOutcome {
  double results = 0;  // paid trials of its task that learnt something
  // What it paid, less what its own miners earned.
  double spent = 0;
  double own_trainings = 0;
  double honest_income = 0;  // of honest miners, from both clients
  double honest_trainings = 0;
  double honest_unpaid = 0;  // of these; 0
};

// `duration`: how many trainings an honest miner finishes.
ClientOutcome SimulateClient(const ClientPlan& plan, int64_t duration,
                             uint64_t seed);

// An honest client that pays the same.
ClientPlan HonestOf(const ClientPlan& plan);

// The attacks of docs/threat-model.md that a client makes with its task.
std::vector<ClientPlan> KnownClientCheats();

// What a result is worth to the client, and what a training costs its miner.
inline constexpr double kWorthOfResult = 1.5;
inline constexpr double kCostOfTraining = 0.7;

// The client's profit, that of its miners included.
double ClientProfit(const ClientOutcome& outcome);
// The same of an honest client that trains at home what the miners of one that
// cheats trained: that is as good, and needs no pool.
double ProfitWithout(const ClientOutcome& honest, const ClientOutcome& cheat);
// The honest miners', for 100 trainings.
double MinersProfit(const ClientOutcome& outcome);

// Whether cheating brought the client more than honesty, beyond what differs by
// chance: a hundredth of the worth of all results.
bool Pays(const ClientOutcome& honest, const ClientOutcome& cheat);
// Whether the honest miners were paid for all that they trained, and no less
// for it than an honest client's were.
bool MinersArePaid(const ClientOutcome& honest, const ClientOutcome& cheat);

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_CLIENT_CHEATS_H_
