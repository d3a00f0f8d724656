// SPDX-License-Identifier: Apache-2.0
#include "worker/train/machine_check.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/kernels/machine_choice.h"

namespace archpool {

absl::StatusOr<kernels::Machine> ChooseMachine(
    const std::string& simd, int64_t threads,
    const std::vector<kernels::Simd>& here) {
  if (simd.empty() && here.front() == kernels::Simd::kScalar) {
    return FailedPrecondition(
        "TOO_SLOW",
        "this processor has none of the vector instructions that the kernels "
        "use (AVX2 with FMA, AVX-512 or NEON): it would train too slowly to "
        "keep a lease, so this worker asks for no work");
  }
  return kernels::ChooseMachine(simd, threads, here);
}

absl::Status JudgeVectors(const std::vector<kernels::TestVector>& vectors) {
  return kernels::JudgeVectors(
      vectors,
      "Every verifier would find its trials false, so it does not work");
}

std::string DescribeVectors(const std::vector<kernels::TestVector>& vectors) {
  size_t width = 0;
  size_t agree = 0;
  for (const kernels::TestVector& vector : vectors) {
    width = std::max(width, vector.name.size());
    if (vector.agrees()) ++agree;
  }
  std::string text;
  for (const kernels::TestVector& vector : vectors) {
    absl::StrAppendFormat(
        &text, "  %-*s  %s  %s\n", static_cast<int>(width), vector.name,
        vector.digest,
        vector.agrees()
            ? "agrees"
            : absl::StrCat("DIFFERS: ", vector.expected, " is right"));
  }
  absl::StrAppend(&text, agree, " of ", vectors.size(),
                  " test vectors agree.\n");
  return text;
}

}  // namespace archpool
