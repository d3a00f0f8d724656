// SPDX-License-Identifier: Apache-2.0
// What the worker programs that really train share.
#ifndef ARCHPOOL_WORKER_PROGRAM_KERNEL_WORKER_H_
#define ARCHPOOL_WORKER_PROGRAM_KERNEL_WORKER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "worker/agent/run_worker.h"
#include "worker/train/trainer.h"

namespace archpool {

// ChooseMachine's errors.
absl::StatusOr<std::unique_ptr<Trainer>> MakeKernelTrainer(
    const WorkerFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_PROGRAM_KERNEL_WORKER_H_
