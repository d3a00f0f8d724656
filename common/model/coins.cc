// SPDX-License-Identifier: Apache-2.0
#include "common/model/coins.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "common/base/millionths.h"

namespace archpool {

std::string FormatCoins(Amount amount) {
  static_assert(kAmountPerCoin == 1'000'000);
  return FormatMillionths(amount);
}

std::optional<Amount> ParseCoins(absl::string_view text) {
  constexpr size_t kDecimals = 6;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('.', 1));
  const bool has_point = parts.first.size() < text.size();
  if (parts.first.empty() || parts.second.size() > kDecimals ||
      (has_point && parts.second.empty())) {
    return std::nullopt;
  }
  Amount amount = 0;
  size_t decimals = 0;
  const auto add = [&amount](char digit) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(digit))) return false;
    amount = amount * 10 + (digit - '0');
    return amount <= kAmountMax;
  };
  for (const char digit : parts.first) {
    if (!add(digit)) return std::nullopt;
  }
  for (; decimals < kDecimals; ++decimals) {
    const bool is_there = decimals < parts.second.size();
    if (!add(is_there ? parts.second[decimals] : '0')) return std::nullopt;
  }
  return amount;
}

}  // namespace archpool
