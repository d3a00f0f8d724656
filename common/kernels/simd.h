// SPDX-License-Identifier: Apache-2.0
// Which vector instructions the kernels use. The choice changes how fast they
// are and never a bit of what they compute. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_SIMD_H_
#define ARCHPOOL_COMMON_KERNELS_SIMD_H_

#include <optional>
#include <string>
#include <vector>

#include "common/base/word_table.h"

namespace archpool::kernels {

enum class Simd {
  kScalar,  // std::fma, one number at a time: for tests, far too slow to mine
  kNeon,
  kAvx2,    // with FMA3
  kAvx512,  // F, BW, CD, DQ, VL
};

}  // namespace archpool::kernels

namespace archpool {
template <>
inline constexpr const char* kWordsOf<kernels::Simd>[] = {"scalar", "neon",
                                                          "avx2", "avx512"};
}  // namespace archpool

namespace archpool::kernels {

using archpool::ToString;

std::optional<Simd> ParseSimd(const std::string& word);

// Those that were compiled in and that this processor has, the widest first.
// Never empty: kScalar is always among them.
const std::vector<Simd>& SimdsHere();
inline Simd WidestSimd() { return SimdsHere().front(); }

// How to compute, never what.
struct Machine {
  Simd simd = WidestSimd();
  int threads = 1;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_SIMD_H_
