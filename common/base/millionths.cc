// SPDX-License-Identifier: Apache-2.0
#include "common/base/millionths.h"

#include "absl/strings/str_cat.h"

namespace archpool {

std::string FormatMillionths(int64_t value) {
  constexpr uint64_t kMillion = 1'000'000;
  const auto magnitude = value < 0 ? uint64_t{0} - static_cast<uint64_t>(value)
                                   : static_cast<uint64_t>(value);
  std::string text = absl::StrCat(value < 0 ? "-" : "", magnitude / kMillion);
  std::string decimals =
      absl::StrCat(absl::Dec(magnitude % kMillion, absl::kZeroPad6));
  while (!decimals.empty() && decimals.back() == '0') decimals.pop_back();
  if (!decimals.empty()) absl::StrAppend(&text, ".", decimals);
  return text;
}

}  // namespace archpool
