// SPDX-License-Identifier: Apache-2.0
// Pooling, for each set of instructions.
#include "common/kernels/inner/targets.h"

// Highway includes this file again from here for each set of instructions, so
// nothing may come before.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/kernels/inner/pool.cc"
#include "hwy/foreach_target.h"
// clang-format on

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/kernels/inner/passes.h"
#include "common/kernels/inner/vec-inl.h"
#include "common/kernels/inner/vec_scalar.h"

HWY_BEFORE_NAMESPACE();
namespace archpool::kernels::HWY_NAMESPACE {
#include "common/kernels/inner/pool.inc"
}  // namespace archpool::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace archpool::kernels::scalar {
#include "common/kernels/inner/pool.inc"
}  // namespace archpool::kernels::scalar
#endif
