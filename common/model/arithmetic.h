// SPDX-License-Identifier: Apache-2.0
// The arithmetic that trainings are computed in, by name. The name says the
// page that specifies it (docs/arithmetic.md), and the digest of its test
// vectors, so that two programs of one name compute the same bits.
#ifndef ARCHPOOL_COMMON_MODEL_ARITHMETIC_H_
#define ARCHPOOL_COMMON_MODEL_ARITHMETIC_H_

#include "absl/strings/string_view.h"

namespace archpool {

// What a pool of this version trains and checks in.
inline constexpr absl::string_view kArithmetic = "fp32-fma/1/28f8c6b9";

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_ARITHMETIC_H_
