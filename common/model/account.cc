// SPDX-License-Identifier: Apache-2.0
#include "common/model/account.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "common/model/limits.h"

namespace archpool {

bool IsName(absl::string_view text) {
  if (!limits::kNameLength.Contains(static_cast<int64_t>(text.size()))) {
    return false;
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_islower(byte) && !absl::ascii_isdigit(byte) && c != '-') {
      return false;
    }
  }
  return true;
}

}  // namespace archpool
