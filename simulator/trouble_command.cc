// SPDX-License-Identifier: Apache-2.0
#include "simulator/trouble_command.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iostream>
#include <thread>
#include <vector>

namespace archpool {
namespace {

std::vector<TroubleResult> RunAll(const TroubleFlags& flags) {
  std::vector<TroubleResult> results(static_cast<size_t>(flags.seeds));
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < results.size(); i = next++) {
      TroubleOptions options = flags.options;
      options.duration = absl::Hours(flags.hours);
      options.seed = flags.seed + i;
      results[i] = SimulateTrouble(options);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency());
       ++i) {
    threads.emplace_back(work);
  }
  for (std::thread& thread : threads) thread.join();
  return results;
}

template <typename Get>
double Sum(const std::vector<TroubleResult>& results, Get get) {
  double sum = 0;
  for (const TroubleResult& one : results) {
    sum += static_cast<double>(get(one));
  }
  return sum;
}

double PercentOf(double part, double all) {
  return all > 0 ? 100 * part / all : 0;
}

void PrintTrouble(const std::vector<TroubleResult>& all) {
  using R = TroubleResult;
  std::printf("%zu seeds, %.0f hours of a pool, %.0f tasks\n", all.size(),
              Sum(all, [](const R& one) { return one.hours; }),
              Sum(all, [](const R& one) { return one.tasks; }));
  std::printf(
      "trouble: %.0f outages, %.0f times maintenance, %.0f times no verifier, "
      "%.0f sick\n  verifiers, %.0f mishaps of miners, %.0f that vanished\n",
      Sum(all, [](const R& one) { return one.outages; }),
      Sum(all, [](const R& one) { return one.maintenances; }),
      Sum(all, [](const R& one) { return one.droughts; }),
      Sum(all, [](const R& one) { return one.sicknesses; }),
      Sum(all, [](const R& one) { return one.mishaps; }),
      Sum(all, [](const R& one) { return one.vanishings; }));
}

void PrintPay(const std::vector<TroubleResult>& all) {
  using R = TroubleResult;
  const double committed =
      Sum(all, [](const R& one) { return one.pay.committed; });
  const double paid = Sum(all, [](const R& one) { return one.pay.paid; });
  const double absent = Sum(all, [](const R& one) { return one.pay.absent; });
  const double undecided =
      Sum(all, [](const R& one) { return one.pay.undecided; });
  const double units = Sum(all, [](const R& one) { return one.units_trained; });
  const double units_paid =
      Sum(all, [](const R& one) { return one.pay.units_paid; });
  const double bought = Sum(all, [](const R& one) { return one.trials_paid; });
  const double results = Sum(all, [](const R& one) { return one.results; });
  std::printf("honest trials: %.0f committed, %.0f paid (%.2f %%)\n", committed,
              paid, PercentOf(paid, committed));
  std::printf(
      "  unpaid as their machine did not come back in time: %.0f (%.2f %%), of "
      "which\n    %.0f are held against nobody and %.0f went with another of "
      "their account;\n    %.0f more were trained and came too late\n",
      absent, PercentOf(absent, committed),
      Sum(all, [](const R& one) { return one.pay.absent_unblamed; }),
      Sum(all, [](const R& one) { return one.pay.absent_with_another; }),
      Sum(all, [](const R& one) { return one.pay.absent_uncommitted; }));
  std::printf(
      "  unpaid as no verifier could take them on, of unproven miners: %.0f "
      "(%.2f %%)\n",
      undecided, PercentOf(undecided, committed));
  std::printf(
      "  likewise of proven miners, beyond what is paid unverified: %.0f\n",
      Sum(all, [](const R& one) { return one.pay.undecided_beyond_cap; }));
  std::printf("  accounts suspended for not coming back: %.0f\n",
              Sum(all, [](const R& one) { return one.pay.absent_suspended; }));
  std::printf("an honest miner is paid for %.2f %% of what it trains\n",
              PercentOf(units_paid, units));
  std::printf(
      "a client pays %.2f %% of what it offers; of %.0f trials paid for, %.0f "
      "(%.2f %%) are\n  results that were audited or may be, and learnt "
      "something\n",
      PercentOf(Sum(all, [](const R& one) { return one.coins_paid; }),
                Sum(all, [](const R& one) { return one.coins_offered; })),
      bought, results, PercentOf(results, bought));
  std::printf("made-up trials: %.0f, of which paid %.0f\n",
              Sum(all, [](const R& one) { return one.fakes; }),
              Sum(all, [](const R& one) { return one.fakes_paid; }));
}

}  // namespace

void AddTroubleFlags(CLI::App& app, TroubleFlags& flags) {
  app.add_option("--seed", flags.seed, "The first")->capture_default_str();
  app.add_option("--seeds", flags.seeds)
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--hours", flags.hours, "Until tasks are cancelled")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--miners", flags.options.miners)
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
}

int Trouble(const TroubleFlags& flags) {
  const std::vector<TroubleResult> results = RunAll(flags);
  PrintTrouble(results);
  PrintPay(results);
  size_t violations = 0;
  for (const TroubleResult& one : results) {
    violations += one.violations.size();
    for (const std::string& violation : one.violations) {
      std::cerr << violation << "\n";
    }
  }
  std::printf("violations: %zu\n", violations);
  return violations == 0 ? 0 : 1;
}

}  // namespace archpool
