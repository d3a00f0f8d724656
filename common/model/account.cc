// SPDX-License-Identifier: Apache-2.0
#include "common/model/account.h"

#include "absl/strings/ascii.h"

namespace archpool {

bool IsName(absl::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_islower(byte) && !absl::ascii_isdigit(byte) && c != '-') {
      return false;
    }
  }
  return true;
}

}  // namespace archpool
