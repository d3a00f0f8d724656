// SPDX-License-Identifier: Apache-2.0
// A Clock tells the time to the edges, in whole microseconds: what the database
// keeps, so that a state is the same before and after it was stored. The core
// never sees a clock: it is handed `now`. Thread-safe.
#ifndef ARCHPOOL_COMMON_BASE_CLOCK_H_
#define ARCHPOOL_COMMON_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace archpool {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

class SystemClock : public Clock {
 public:
  absl::Time Now() const override;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_CLOCK_H_
