// SPDX-License-Identifier: Apache-2.0
#include "common/base/reason.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace archpool {

bool IsReason(absl::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return absl::ascii_isupper(byte) || absl::ascii_isdigit(byte) ||
                  c == '_';
         });
}

}  // namespace archpool
