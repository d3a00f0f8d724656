// SPDX-License-Identifier: Apache-2.0
#include "simulator/cheats_command.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iostream>
#include <thread>
#include <vector>

#include "simulator/cheats.h"
#include "simulator/client_cheats.h"

namespace archpool {
namespace {

// What an honest training costs, as shares of its pay.
constexpr double kCosts[] = {0.5, 0.7, 0.9};

// What `simulate` makes of each seed from 1 on.
template <typename Simulate>
auto RunAll(int64_t runs, const Simulate& simulate) {
  std::vector<decltype(simulate(1))> outcomes(static_cast<size_t>(runs));
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < outcomes.size(); i = next++) {
      outcomes[i] = simulate(i + 1);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency());
       ++i) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

double ProfitOf(const std::vector<CheatOutcome>& outcomes, double cost) {
  double sum = 0;
  for (const CheatOutcome& outcome : outcomes) {
    sum += outcome.paid_trials - cost * outcome.trained_trials;
  }
  return sum / static_cast<double>(outcomes.size());
}

// Trials until it was found out; those that never were come last.
int64_t FoundAfter(const std::vector<CheatOutcome>& outcomes, double share) {
  std::vector<int64_t> found;
  for (const CheatOutcome& outcome : outcomes) {
    found.push_back(outcome.found_after.value_or(INT64_MAX));
  }
  std::sort(found.begin(), found.end());
  return found[static_cast<size_t>(share *
                                   static_cast<double>(found.size() - 1))];
}

double ShareFoundWithin(const std::vector<CheatOutcome>& outcomes,
                        int64_t trials) {
  const auto count = std::count_if(
      outcomes.begin(), outcomes.end(), [&](const CheatOutcome& outcome) {
        return outcome.found_after && *outcome.found_after <= trials;
      });
  return static_cast<double>(count) / static_cast<double>(outcomes.size());
}

void PrintDetection(const std::vector<CheatOutcome>& outcomes) {
  const auto print = [&](double share) {
    const int64_t found = FoundAfter(outcomes, share);
    if (found == INT64_MAX) {
      std::printf("%8s", "-");
    } else {
      std::printf("%8lld", static_cast<long long>(found));
    }
  };
  print(0.5);
  print(0.99);
  std::printf("%9.3f", ShareFoundWithin(outcomes, 400));
}

// A cheat, and an honest client in its place.
struct ClientPair {
  ClientOutcome cheat;
  ClientOutcome honest;
};

// The exit code, as Cheats'.
int ClientCheats(const CheatsFlags& flags) {
  std::printf(
      "Profit of a client in trainings' pay, where a result is worth %.1f and "
      "a training costs %.1f,\nbeside that of an honest one that trains at "
      "home what its miners train; and of honest\nminers for 100 trainings. In "
      "the time of %lld honest trainings, %lld runs each.\n\n",
      kWorthOfResult, kCostOfTraining, static_cast<long long>(flags.duration),
      static_cast<long long>(flags.runs));
  std::printf("%-34s%14s%9s%9s%9s%9s%8s\n", "", "rule", "client", "honest",
              "miners", "honest", "unpaid");
  bool is_failed = false;
  for (const ClientPlan& plan : KnownClientCheats()) {
    if (plan.name.find(flags.only) == std::string::npos) continue;
    const auto pairs = RunAll(flags.runs, [&](uint64_t seed) {
      return ClientPair{SimulateClient(plan, flags.duration, seed),
                        SimulateClient(HonestOf(plan), flags.duration, seed)};
    });
    double sums[5] = {};
    for (const auto& [cheat, honest] : pairs) {
      sums[0] += ClientProfit(cheat);
      sums[1] += ProfitWithout(honest, cheat);
      sums[2] += MinersProfit(cheat);
      sums[3] += MinersProfit(honest);
      sums[4] += cheat.honest_unpaid;
      is_failed |= Pays(honest, cheat) || !MinersArePaid(honest, cheat);
    }
    std::printf("%-34s%14s", plan.name.c_str(), ToString(plan.rule));
    for (int i = 0; i < 4; ++i) {
      std::printf("%9.1f", sums[i] / static_cast<double>(flags.runs));
    }
    std::printf("%8.0f\n", sums[4]);
    std::fflush(stdout);
  }
  return is_failed ? 1 : 0;
}

}  // namespace

void AddCheatsFlags(CLI::App& app, CheatsFlags& flags) {
  app.add_option("--runs", flags.runs, "Of each cheat")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_flag("--clients", flags.clients,
               "What clients do with their tasks, instead of what miners do");
  app.add_option("--duration", flags.duration,
                 "In trainings of an honest miner")
      ->check(CLI::Range(80, 100'000))
      ->capture_default_str();
  app.add_option("--only", flags.only,
                 "Those alone whose names hold this, and the honest miner");
}

int Cheats(const CheatsFlags& flags) {
  if (flags.clients) return ClientCheats(flags);
  std::printf(
      "Profit in trials' pay, of one miner in the time of %lld honest "
      "trainings,"
      "\nby what a training costs as a share of its pay; and how many trials "
      "it "
      "commits from\nits first fake until it is found out. %lld runs each.\n\n",
      static_cast<long long>(flags.duration),
      static_cast<long long>(flags.runs));
  std::printf("%-42s%8s%8s%8s%8s%8s%9s\n", "", "0.5", "0.7", "0.9", "median",
              "99 %", "<= 400");
  std::vector<double> honest;
  int cheats_that_pay = 0;
  int64_t honest_rejected = 0;
  double replayed = 0;
  double trained = 0;
  for (const CheatPlan& plan : KnownCheats()) {
    if (plan.trials > 0 && plan.name.find(flags.only) == std::string::npos) {
      continue;
    }
    const auto outcomes = RunAll(flags.runs, [&](uint64_t seed) {
      return SimulateCheat(plan, flags.duration, seed);
    });
    std::printf("%-42s", plan.name.c_str());
    for (size_t i = 0; i < std::size(kCosts); ++i) {
      const double profit = ProfitOf(outcomes, kCosts[i]);
      std::printf("%8.1f", profit);
      if (plan.trials == 0) {
        honest.push_back(profit);
      } else if (profit >= honest[i] ||
                 (plan.honest_trials == 0 && plan.trials == 1 &&
                  plan.inflation == 0 && profit > 0)) {
        ++cheats_that_pay;
      }
    }
    if (plan.trials > 0) PrintDetection(outcomes);
    std::printf("\n");
    std::fflush(stdout);
    for (const CheatOutcome& outcome : outcomes) {
      honest_rejected += outcome.honest_rejected;
      if (plan.trials > 0) continue;
      replayed += outcome.replayed_trainings;
      trained += outcome.trainings;
    }
  }
  std::printf(
      "\nhonest pool: %.2f %% of the trainings replayed; %lld trials of honest "
      "miners rejected in all runs\n",
      100 * replayed / trained, static_cast<long long>(honest_rejected));
  return cheats_that_pay == 0 && honest_rejected == 0 ? 0 : 1;
}

}  // namespace archpool
