// SPDX-License-Identifier: Apache-2.0
// Numbers that a plan's layers compute with wherever they run.
#ifndef ARCHPOOL_COMMON_NAS_NETWORK_CONSTANTS_H_
#define ARCHPOOL_COMMON_NAS_NETWORK_CONSTANTS_H_

namespace archpool {

inline constexpr double kBatchNormEpsilon = 1e-5;

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_NETWORK_CONSTANTS_H_
