// SPDX-License-Identifier: Apache-2.0
// Batch norms and the activations behind them, for each set of vector
// instructions and for one number at a time.
// The order matters: whatever follows foreach_target.h is read once for each
// set of instructions.
// clang-format off
#include "common/kernels/inner/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/kernels/inner/norm.cc"
#include "hwy/foreach_target.h"
// clang-format on

#include <algorithm>
#include <cstdint>

#include "common/kernels/inner/passes.h"
#include "common/kernels/inner/vec-inl.h"
#include "common/kernels/inner/vec_scalar.h"

HWY_BEFORE_NAMESPACE();
namespace archpool::kernels::HWY_NAMESPACE {
#include "common/kernels/inner/norm.inc"
}  // namespace archpool::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace archpool::kernels::scalar {
#include "common/kernels/inner/norm.inc"
}  // namespace archpool::kernels::scalar
#endif
