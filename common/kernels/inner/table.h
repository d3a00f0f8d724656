// SPDX-License-Identifier: Apache-2.0
// The kernels of one set of instructions. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_TABLE_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_TABLE_H_

#include "common/kernels/inner/passes.h"
#include "common/kernels/simd.h"

namespace archpool::kernels {

// REQUIRES: `simd` is one of SimdsHere().
const KernelTable& TableOf(Simd simd);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_TABLE_H_
