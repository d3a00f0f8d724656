#include "worker/train/machine_check.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/model/arithmetic.h"

namespace archpool {

absl::StatusOr<kernels::Machine> ChooseMachine(
    const std::string& simd, int64_t threads,
    const std::vector<kernels::Simd>& here) {
  kernels::Machine machine{here.front(), static_cast<int>(threads)};
  if (simd.empty()) {
    if (machine.simd != kernels::Simd::kScalar) return machine;
    return FailedPrecondition(
        "TOO_SLOW",
        "this processor has none of the vector instructions that the kernels "
        "use (AVX2 with FMA, AVX-512 or NEON): it would train too slowly to "
        "keep a lease, so this worker asks for no work");
  }
  const auto wanted = kernels::ParseSimd(simd);
  if (wanted.has_value() &&
      std::find(here.begin(), here.end(), *wanted) != here.end()) {
    machine.simd = *wanted;
    return machine;
  }
  return InvalidArgument(
      "SIMD_NOT_HERE",
      absl::StrCat("this processor cannot compute with ", simd,
                   " (--simd), but with ", DescribeSimds(here)));
}

absl::Status JudgeVectors(const std::vector<kernels::TestVector>& vectors) {
  std::vector<std::string> differ;
  for (const kernels::TestVector& vector : vectors) {
    if (vector.agrees()) continue;
    differ.push_back(absl::StrCat(vector.name, " (", vector.digest,
                                  " in place of ", vector.expected, ")"));
  }
  if (differ.empty()) return absl::OkStatus();
  return FailedPrecondition(
      "ARITHMETIC_DIFFERS",
      absl::StrCat("this machine computes otherwise than ", kArithmetic,
                   " says: ", absl::StrJoin(differ, ", "),
                   ". Every verifier would find its trials false, so it does "
                   "not work: look for an overclocked or failing processor or "
                   "memory, and for a build that was not made by deploy/"
                   "build.sh"));
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

std::string DescribeSimds(const std::vector<kernels::Simd>& simds) {
  return absl::StrJoin(simds, ", ", [](std::string* out, kernels::Simd simd) {
    absl::StrAppend(out, kernels::ToString(simd));
  });
}

}  // namespace archpool
