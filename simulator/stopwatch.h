// SPDX-License-Identifier: Apache-2.0
// How long something has been so, in all. Value type.
#ifndef ARCHPOOL_SIMULATOR_STOPWATCH_H_
#define ARCHPOOL_SIMULATOR_STOPWATCH_H_

#include "absl/time/time.h"

namespace archpool {

class Stopwatch {
 public:
  // REQUIRES: `now` does not decrease between calls.
  void Set(bool is_so, absl::Time now) {
    sum_ = At(now);
    since_ = now;
    is_so_ = is_so;
  }
  absl::Duration At(absl::Time now) const {
    return is_so_ ? sum_ + (now - since_) : sum_;
  }
  bool is_so() const { return is_so_; }

 private:
  bool is_so_ = false;
  absl::Duration sum_;
  absl::Time since_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_STOPWATCH_H_
