// SPDX-License-Identifier: Apache-2.0
// Whole millionths as decimal text: coins, shares.
#ifndef ARCHPOOL_COMMON_BASE_MILLIONTHS_H_
#define ARCHPOOL_COMMON_BASE_MILLIONTHS_H_

#include <cstdint>
#include <string>

namespace archpool {

// 12'500'000 as "12.5".
std::string FormatMillionths(int64_t value);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_MILLIONTHS_H_
