// SPDX-License-Identifier: Apache-2.0
// Whether this machine can work at all: the instructions that it has, and
// whether it computes by them as the arithmetic says. Pure; thread-safe.
#ifndef ARCHPOOL_WORKER_TRAIN_MACHINE_CHECK_H_
#define ARCHPOOL_WORKER_TRAIN_MACHINE_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/kernels/self_check.h"
#include "common/kernels/simd.h"

namespace archpool {

// As kernels::ChooseMachine. FAILED_PRECONDITION (TOO_SLOW): this processor has
// the scalar loop alone, and nobody asked for that.
absl::StatusOr<kernels::Machine> ChooseMachine(
    const std::string& simd, int64_t threads,
    const std::vector<kernels::Simd>& here = kernels::SimdsHere());

// FAILED_PRECONDITION (ARITHMETIC_DIFFERS): names the vectors that differ.
absl::Status JudgeVectors(const std::vector<kernels::TestVector>& vectors);

// A table for people.
std::string DescribeVectors(const std::vector<kernels::TestVector>& vectors);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_TRAIN_MACHINE_CHECK_H_
