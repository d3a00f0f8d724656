// SPDX-License-Identifier: Apache-2.0
#include "worker/program/kernel_worker.h"

#include "common/base/status.h"
#include "worker/train/kernel_trainer.h"
#include "worker/train/machine_check.h"

namespace archpool {

absl::StatusOr<std::unique_ptr<Trainer>> MakeKernelTrainer(
    const WorkerFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(const kernels::Machine machine,
                            ChooseMachine(flags.simd, flags.threads));
  return std::make_unique<KernelTrainer>(machine, MemoryFor(flags));
}

}  // namespace archpool
