// SPDX-License-Identifier: Apache-2.0
// What work is priced by: which of the measured cost tables, and how many
// examples a step of training takes. Value types; thread-compatible.
#ifndef ARCHPOOL_COMMON_NAS_PRICING_H_
#define ARCHPOOL_COMMON_NAS_PRICING_H_

#include <cstdint>

namespace archpool {

// The version of the newest table. Raised whenever a number in it changes, by a
// table beside the older ones: a task keeps the version that was in force when
// it was submitted.
inline constexpr int64_t kCostTableVersion = 3;

constexpr bool IsCostTable(int64_t version) {
  return version >= 1 && version <= kCostTableVersion;
}

struct Pricing {
  int64_t version = kCostTableVersion;
  // The batch size of training; 0: the largest that was measured. Version 1
  // does not read it.
  int64_t batch_size = 0;
  friend bool operator==(const Pricing&, const Pricing&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_PRICING_H_
