// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/arithmetics.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// Without the digest of its test vectors.
absl::string_view NameOf(absl::string_view arithmetic) {
  return arithmetic.substr(0, arithmetic.rfind('/'));
}

}  // namespace

absl::Status CheckArithmetic(absl::string_view arithmetic) {
  if (arithmetic == kArithmetic) return absl::OkStatus();
  if (NameOf(arithmetic) == NameOf(kArithmetic)) {
    return FailedPrecondition(
        "ARITHMETIC_DIFFERS",
        absl::StrCat("this machine or this build computes otherwise than ",
                     NameOf(kArithmetic),
                     " is specified: its test vectors "
                     "come to '",
                     arithmetic, "', the pool's to '", kArithmetic,
                     "'; run archpool-worker check"));
  }
  return FailedPrecondition(
      "ARITHMETIC_REPLACED",
      absl::StrCat("the pool trains and checks in '", kArithmetic,
                   "' alone, and this program computes in '", arithmetic,
                   "': update it"));
}

}  // namespace archpool
