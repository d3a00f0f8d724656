// SPDX-License-Identifier: Apache-2.0
#include "client/term.h"

#include <cstdint>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/map_reader.h"
#include "client/text.h"
#include "common/base/status.h"

namespace archpool {

absl::StatusOr<absl::Duration> ReadTerm(const std::string& flag,
                                        const std::string& text,
                                        const Range<absl::Duration>& range,
                                        const std::string& takes) {
  absl::string_view days_text = text;
  int64_t days = 0;
  std::optional<absl::Duration> term;
  if (absl::ConsumeSuffix(&days_text, "d")) {
    if (days_text.size() < 5 && absl::SimpleAtoi(days_text, &days)) {
      term = absl::Hours(24) * days;
    }
  } else {
    term = ParseTimeSpan(text);
  }
  if (term && range.Contains(*term)) return *term;
  return InvalidArgument("FLAG_RANGE", absl::StrCat(flag, " is '", Clean(text),
                                                    "'; it takes ", takes));
}

}  // namespace archpool
