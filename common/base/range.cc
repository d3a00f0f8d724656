// SPDX-License-Identifier: Apache-2.0
#include "common/base/range.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {

std::string ToString(const Range<int64_t>& range) {
  return absl::StrCat("[", range.min, ", ", range.max, "]");
}

std::string ToString(const Range<absl::Duration>& range) {
  return absl::StrCat("[", absl::FormatDuration(range.min), ", ",
                      absl::FormatDuration(range.max), "]");
}

absl::Status CheckRange(absl::string_view reason, absl::string_view field,
                        int64_t value, const Range<int64_t>& range) {
  if (range.Contains(value)) return absl::OkStatus();
  return InvalidArgument(
      reason, absl::StrCat("field ", field, " is ", value, "; it must be ",
                           range.is_odd ? "odd, in " : "in ", ToString(range)));
}

absl::Status CheckRange(absl::string_view reason, absl::string_view field,
                        absl::Duration value,
                        const Range<absl::Duration>& range) {
  if (range.Contains(value)) return absl::OkStatus();
  return InvalidArgument(
      reason, absl::StrCat("field ", field, " is ", absl::FormatDuration(value),
                           "; it must be in ", ToString(range)));
}

absl::Status CheckRanges(absl::string_view reason, absl::string_view parent,
                         std::initializer_list<RangeRule> rules) {
  for (const RangeRule& rule : rules) {
    if (rule.range.Contains(rule.value)) continue;
    const std::string field = parent.empty()
                                  ? std::string(rule.field)
                                  : absl::StrCat(parent, ".", rule.field);
    return CheckRange(reason, field, rule.value, rule.range);
  }
  return absl::OkStatus();
}

}  // namespace archpool
