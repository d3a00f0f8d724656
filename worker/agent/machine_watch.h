// SPDX-License-Identifier: Apache-2.0
// Checks the machine while its worker asks for work, which waits for nothing; a
// machine that computes wrongly ends the work. Thread-compatible.
#ifndef ARCHPOOL_WORKER_AGENT_MACHINE_WATCH_H_
#define ARCHPOOL_WORKER_AGENT_MACHINE_WATCH_H_

#include <functional>
#include <stop_token>
#include <thread>

#include "absl/status/status.h"
#include "worker/train/trainer.h"

namespace archpool {

class MachineWatch {
 public:
  // `trainer` outlives this.
  MachineWatch(Trainer& trainer, const std::stop_token& stop);

  // Requested with `stop`, or where the machine cannot work.
  std::stop_token token() const { return quit_.get_token(); }

  // Waits for the check to end. Trainer::Check's errors.
  absl::Status Finish();

 private:
  std::stop_source quit_;
  std::stop_callback<std::function<void()>> on_stop_;
  absl::Status status_;  // the thread's, until that is joined
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_MACHINE_WATCH_H_
