// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/machine_choice.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/model/arithmetic.h"

namespace archpool::kernels {

absl::StatusOr<Machine> ChooseMachine(const std::string& simd, int64_t threads,
                                      const std::vector<Simd>& here) {
  Machine machine{here.front(), static_cast<int>(threads)};
  if (simd.empty()) return machine;
  const auto wanted = ParseSimd(simd);
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

std::string DescribeSimds(const std::vector<Simd>& simds) {
  return absl::StrJoin(simds, ", ", [](std::string* out, Simd simd) {
    absl::StrAppend(out, ToString(simd));
  });
}

absl::Status JudgeVectors(const std::vector<TestVector>& vectors,
                          absl::string_view consequence) {
  std::vector<std::string> differ;
  for (const TestVector& vector : vectors) {
    if (vector.agrees()) continue;
    differ.push_back(absl::StrCat(vector.name, " (", vector.digest,
                                  " in place of ", vector.expected, ")"));
  }
  if (differ.empty()) return absl::OkStatus();
  return FailedPrecondition(
      "ARITHMETIC_DIFFERS",
      absl::StrCat("this machine computes otherwise than ", kArithmetic,
                   " says: ", absl::StrJoin(differ, ", "), ". ", consequence,
                   ": look for an overclocked or failing processor or memory, "
                   "and for a build that was not made by deploy/build.sh"));
}

}  // namespace archpool::kernels
