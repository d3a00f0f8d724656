// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/machine_watch.h"

namespace archpool {

MachineWatch::MachineWatch(Trainer& trainer, const std::stop_token& stop)
    : on_stop_(stop, [this] { quit_.request_stop(); }),
      thread_([this, &trainer] {
        status_ = trainer.Check();
        if (!status_.ok()) quit_.request_stop();
      }) {}

absl::Status MachineWatch::Finish() {
  if (thread_.joinable()) thread_.join();
  return status_;
}

}  // namespace archpool
