// SPDX-License-Identifier: Apache-2.0
// Compiled once for each set of instructions; the loops are in dense_sums.inc.
// clang-format off: this order is what Highway's repeated inclusion wants.
#include "common/kernels/inner/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/kernels/inner/dense_sums.cc"
#include "hwy/foreach_target.h"
// clang-format on

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "common/kernels/inner/passes.h"
#include "common/kernels/inner/row_run.h"
#include "common/kernels/inner/vec-inl.h"
#include "common/kernels/inner/vec_scalar.h"

HWY_BEFORE_NAMESPACE();
namespace archpool::kernels::HWY_NAMESPACE {
#include "common/kernels/inner/dense_sums.inc"
}  // namespace archpool::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace archpool::kernels::scalar {
#include "common/kernels/inner/dense_sums.inc"
}  // namespace archpool::kernels::scalar
#endif
