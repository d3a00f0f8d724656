// SPDX-License-Identifier: Apache-2.0
// The time that decisions are taken by. It starts at the system's time and then
// follows what has passed since, so that a step of the system's clock, forward
// or back, moves nothing at once; it comes closer to that clock again by a
// hundredth of the time that passes. It never goes back. Thread-safe.
//
// What people and other programs read (certificates, receipts' seals) carries
// the system's time, which may be set: docs/adr/0020-two-clocks.md.
#ifndef ARCHPOOL_COMMON_BASE_STEADY_CLOCK_H_
#define ARCHPOOL_COMMON_BASE_STEADY_CLOCK_H_

#include <cstdint>
#include <functional>
#include <mutex>

#include "absl/time/time.h"
#include "common/base/clock.h"

namespace archpool {

class SteadyClock : public Clock {
 public:
  struct Sources {
    std::function<absl::Time()> system_time;
    // Since any one moment, suspensions of the machine included.
    std::function<absl::Duration()> elapsed;
  };
  // By how much the system's clock was set; the machine's own drift is less
  // than this between two looks.
  static constexpr absl::Duration kStepMin = absl::Seconds(1);

  SteadyClock();
  explicit SteadyClock(Sources sources);

  absl::Time Now() const override;

  // Called with each step, on the thread that sees it. Must not ask this clock.
  // REQUIRES: no other thread uses the clock yet.
  void OnStep(std::function<void(absl::Duration)> listener);

  // Nothing before `floor` is answered from now on: a pool's time continues
  // from where it was, though the system's clock was set back meanwhile.
  void AdvanceTo(absl::Time floor);

  // How far this clock is ahead of the system's.
  absl::Duration Ahead() const;

 private:
  // What passed since the last look, and a step if there was one.
  absl::Duration Look() const;

  const Sources sources_;
  std::function<void(absl::Duration)> listener_;
  mutable std::mutex mutex_;
  mutable absl::Time now_;
  mutable absl::Time system_time_;  // at the last look
  mutable absl::Duration elapsed_;  // likewise
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_STEADY_CLOCK_H_
