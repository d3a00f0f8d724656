// SPDX-License-Identifier: Apache-2.0
// A closed range of values, and the one check of a value against it. The ranges
// themselves stand in common/nas/template_limits.h (networks),
// common/model/limits.h (tasks, datasets and accounts) and
// common/wire/request_limits.h (requests). Value types and pure functions;
// thread-safe.
#ifndef ARCHPOOL_COMMON_BASE_RANGE_H_
#define ARCHPOOL_COMMON_BASE_RANGE_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace archpool {

template <typename T>
struct Range {
  T min;
  T max;
  bool is_odd = false;  // of integers: the odd ones alone

  constexpr bool Contains(const T& value) const {
    if constexpr (std::is_integral_v<T>) {
      if (is_odd && value % 2 == 0) return false;
    }
    return value >= min && value <= max;
  }
  friend bool operator==(const Range&, const Range&) = default;
};

// Whether values are held against their ranges. Those from outside are. A row
// of the pool's own was, when it came in: it is not checked again, so that a
// range may be narrowed without keeping a server from its own database.
enum class Ranges { kChecked, kTrusted };

// "[1, 4096]", whether odd or not.
std::string ToString(const Range<int64_t>& range);
std::string ToString(const Range<absl::Duration>& range);

// INVALID_ARGUMENT with `reason`: "field <field> is 0; it must be in [1, 11]"
// ("odd, in [1, 11]").
absl::Status CheckRange(absl::string_view reason, absl::string_view field,
                        int64_t value, const Range<int64_t>& range);
absl::Status CheckRange(absl::string_view reason, absl::string_view field,
                        absl::Duration value,
                        const Range<absl::Duration>& range);

// One row of a table of fields that belong together.
struct RangeRule {
  absl::string_view field;
  int64_t value;
  Range<int64_t> range;
};
// The first row that fails; the field is "<parent>.<field>", or "<field>" where
// the parent is empty.
absl::Status CheckRanges(absl::string_view reason, absl::string_view parent,
                         std::initializer_list<RangeRule> rules);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_RANGE_H_
