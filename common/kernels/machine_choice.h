// SPDX-License-Identifier: Apache-2.0
// What programs ask before they compute: with which instructions, and whether
// this machine computes by them as the arithmetic says. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_MACHINE_CHOICE_H_
#define ARCHPOOL_COMMON_KERNELS_MACHINE_CHOICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/kernels/self_check.h"
#include "common/kernels/simd.h"

namespace archpool::kernels {

// What to compute with, of what there is in `here` (the widest first): `simd`,
// or the widest where that is empty. INVALID_ARGUMENT (SIMD_NOT_HERE): this
// processor lacks it.
absl::StatusOr<Machine> ChooseMachine(
    const std::string& simd, int64_t threads,
    const std::vector<Simd>& here = SimdsHere());

// "avx512, avx2, scalar".
std::string DescribeSimds(const std::vector<Simd>& simds);

// FAILED_PRECONDITION (ARITHMETIC_DIFFERS): names the vectors that differ, and
// says in the words of `consequence` what the program does about it.
absl::Status JudgeVectors(const std::vector<TestVector>& vectors,
                          absl::string_view consequence);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_MACHINE_CHOICE_H_
