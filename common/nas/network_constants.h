// SPDX-License-Identifier: Apache-2.0
// Numbers that a plan's layers compute with wherever they run, in plain C++ of
// the standard library alone: kernels read them too. Constants.
#ifndef ARCHPOOL_COMMON_NAS_NETWORK_CONSTANTS_H_
#define ARCHPOOL_COMMON_NAS_NETWORK_CONSTANTS_H_

#include <cstdint>

namespace archpool {

inline constexpr double kBatchNormEpsilon = 1e-5;

// Sums over a batch are taken by blocks and then by a tree
// (docs/arithmetic.md): how many blocks, and how many sums they all hold
// together. The kernels divide by them, and what a training takes of memory
// follows from them.
inline constexpr int64_t kSumBlocksMax = 16;
inline constexpr int64_t kBlockedSumsMax = int64_t{1} << 22;

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_NETWORK_CONSTANTS_H_
