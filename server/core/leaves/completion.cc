// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/completion.h"

#include <algorithm>
#include <cmath>

namespace archpool {
namespace {

// What a worker is before it has been seen, and how many leases that weighs.
constexpr double kPriorPace = 1;
constexpr double kPriorDeviation = 0.3;
constexpr double kPriorLeases = 0.5;
// A lease lost in this many terms, before anything was seen.
constexpr double kPriorLosses = 0.05;

// e^-x for x >= 0, as (1 + x/1024)^-1024: within 0.05 % where it matters.
double Decay(double x) {
  double base = 1 + x / 1024;
  for (int i = 0; i < 10; ++i) base *= base;
  return 1 / base;
}

}  // namespace

Outlook OutlookOf(const Performance& worker, const Performance& account,
                  absl::Duration lease_term) {
  const Moments& seen = worker.pace_permille.count > 0 ? worker.pace_permille
                                                       : account.pace_permille;
  const auto count = static_cast<double>(seen.count);
  const double spread = seen.Deviation() / 1000;
  Outlook outlook;
  outlook.pace = (kPriorLeases * kPriorPace + count * seen.Mean() / 1000) /
                 (kPriorLeases + count);
  const double prior_deviation = kPriorDeviation * outlook.pace;
  const double variance = (kPriorLeases * prior_deviation * prior_deviation +
                           (seen.count > 1 ? count * spread * spread : 0)) /
                          (kPriorLeases + (seen.count > 1 ? count : 0));
  outlook.pace_deviation = std::sqrt(variance);
  outlook.hazard_per_second =
      (static_cast<double>(account.leases_lost) + kPriorLosses) /
      absl::ToDoubleSeconds(account.lease_time + lease_term);
  return outlook;
}

double NormalCdf(double x) {
  const double t = std::abs(x);
  double p = 1 + t * (0.0498673470 +
                      t * (0.0211410061 +
                           t * (0.0032776263 +
                                t * (0.0000380036 +
                                     t * (0.0000488906 + t * 0.0000053830)))));
  for (int i = 0; i < 4; ++i) p *= p;
  const double tail = 0.5 / p;
  return x < 0 ? tail : 1 - tail;
}

double FinishProbability(absl::Duration rest, absl::Duration left,
                         const Outlook& outlook) {
  if (rest <= absl::ZeroDuration()) return 1;
  if (left <= absl::ZeroDuration()) return 0;
  const double needed = absl::ToDoubleSeconds(rest) * outlook.pace;
  const double deviation = absl::ToDoubleSeconds(rest) * outlook.pace_deviation;
  const double slack = absl::ToDoubleSeconds(left) - needed;
  const double in_time = deviation > 0 ? NormalCdf(slack / deviation)
                         : slack >= 0  ? 1.0
                                       : 0.0;
  const double working = std::min(needed, absl::ToDoubleSeconds(left));
  return in_time * Decay(working * outlook.hazard_per_second);
}

int64_t CopiesNeeded(double miss, double backup_miss, double miss_max,
                     int64_t copies_max) {
  int64_t copies = 0;
  while (miss > miss_max && copies < copies_max) {
    miss *= backup_miss;
    ++copies;
  }
  return copies;
}

}  // namespace archpool
