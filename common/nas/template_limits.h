// SPDX-License-Identifier: Apache-2.0
// What the fields of a search space and its chain template may hold: the one
// place that says so (docs/search-space.md is compared with it).
// Compile-time constants.
#ifndef ARCHPOOL_COMMON_NAS_TEMPLATE_LIMITS_H_
#define ARCHPOOL_COMMON_NAS_TEMPLATE_LIMITS_H_

#include <cstdint>

#include "common/base/range.h"

namespace archpool::limits {

// Bytes of a name or a word.
inline constexpr Range<int64_t> kWordLength{1, 64};

inline constexpr Range<int64_t> kStages{1, 16};
// The blocks of all stages together.
inline constexpr int64_t kBlocksMax = 64;
inline constexpr int64_t kVariantsMax = 64;
inline constexpr int64_t kCellsMax = 8;

// Odd, so that padding keeps the input's size at stride 1.
inline constexpr Range<int64_t> kKernel{.min = 1, .max = 11, .is_odd = true};
inline constexpr Range<int64_t> kStride{1, 2};
inline constexpr Range<int64_t> kWidth{1, 4096};
// 0: no convolution before the classifier.
inline constexpr Range<int64_t> kHeadWidth{0, kWidth.max};
inline constexpr Range<int64_t> kExpansion{1, 16};
inline constexpr Range<int64_t> kRepeat{0, 16};
inline constexpr Range<int64_t> kCellNodes{2, 8};

}  // namespace archpool::limits

#endif  // ARCHPOOL_COMMON_NAS_TEMPLATE_LIMITS_H_
