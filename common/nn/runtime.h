// SPDX-License-Identifier: Apache-2.0
// What every entry into LibTorch shares: the thread's settings, and the one
// place where its exceptions end. Internal to common/nn.
#ifndef ARCHPOOL_COMMON_NN_RUNTIME_H_
#define ARCHPOOL_COMMON_NN_RUNTIME_H_

#include <ATen/ATen.h>

#include <utility>

#include "absl/status/status.h"
#include "common/kernels/trial.h"

namespace archpool::nn {

// Gives the calling thread the number of threads of ConfigureRuntime: OpenMP
// keeps it per thread.
void EnterRuntime();

// The status of the exception in flight: RESOURCE_EXHAUSTED
// (TRAINING_OUT_OF_MEMORY) or INTERNAL (TRAINING_FAILED).
// REQUIRES: called inside a catch block.
absl::Status StatusOfException();

// Runs `body`, which returns a Status or a StatusOr, without gradient
// bookkeeping; an exception becomes its status.
template <typename Body>
auto Guarded(Body&& body) -> decltype(body()) {
  try {
    EnterRuntime();
    const c10::InferenceMode inference;
    return std::forward<Body>(body)();
  } catch (...) {
    return StatusOfException();
  }
}

using kernels::CheckData;

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_RUNTIME_H_
