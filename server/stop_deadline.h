// SPDX-License-Identifier: Apache-2.0
// Ends a program that was asked to stop and does not: because a database does
// not answer, another process holds a lock, or a search computes. What was
// acknowledged is durable, so ending at once loses nothing. Runs a thread of
// its own; made and destroyed by one thread.
#ifndef ARCHPOOL_SERVER_STOP_DEADLINE_H_
#define ARCHPOOL_SERVER_STOP_DEADLINE_H_

#include <stop_token>
#include <thread>

#include "absl/time/time.h"

namespace archpool {

class StopDeadline {
 public:
  // Where this object lives for longer than `time_max` after `stop` was
  // requested, the process ends with code 1.
  StopDeadline(std::stop_token stop, absl::Duration time_max);

 private:
  std::jthread thread_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STOP_DEADLINE_H_
