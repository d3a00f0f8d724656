// SPDX-License-Identifier: Apache-2.0
// Will a lease be done in time, and how many backups would make sure? Pure
// arithmetic with + - * / and sqrt alone, so that every machine decides alike.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_COMPLETION_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_COMPLETION_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/core/records/entities.h"

namespace archpool {

// What is expected of a worker.
struct Outlook {
  double pace = 1;               // time per reference time
  double pace_deviation = 0;     // of the pace
  double hazard_per_second = 0;  // to go away without a word
};

// From what was seen of the worker, of its account where the worker is new, and
// of miners at large where both are.
Outlook OutlookOf(const Performance& worker, const Performance& account,
                  absl::Duration lease_term);

// The standard normal distribution's Φ(x), within 2 · 10^-7 (Abramowitz and
// Stegun, Handbook of Mathematical Functions, 26.2.19).
double NormalCdf(double x);

// The chance that `rest` (reference time) is done within `left` by a worker
// that neither goes away nor is slower than it needs: the time needed is taken
// as normal with mean pace · rest and deviation pace_deviation · rest, and
// going away as exponential.
double FinishProbability(absl::Duration rest, absl::Duration left,
                         const Outlook& outlook);

// The least number of copies, each missing with `backup_miss`, that brings the
// chance that all miss to `miss_max`; `copies_max` where no number does.
int64_t CopiesNeeded(double miss, double backup_miss, double miss_max,
                     int64_t copies_max);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_COMPLETION_H_
