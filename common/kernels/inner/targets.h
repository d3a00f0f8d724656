// SPDX-License-Identifier: Apache-2.0
// The instructions that kernels are compiled for. Include this before
// hwy/foreach_target.h. All others are left out: SSSE3, SSE4, EMU128 and SCALAR
// of Highway 1.0.3 do not fuse MulAdd, and nobody has tried SVE.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_TARGETS_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_TARGETS_H_

#if defined(__x86_64__)
#define HWY_BASELINE_TARGETS HWY_AVX2
#define HWY_DISABLED_TARGETS (~(HWY_AVX2 | HWY_AVX3))
#elif defined(__aarch64__)
#define HWY_BASELINE_TARGETS HWY_NEON
#define HWY_DISABLED_TARGETS (~HWY_NEON)
#define HWY_COMPILE_ONLY_STATIC
#endif

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_TARGETS_H_
