// SPDX-License-Identifier: Apache-2.0
#include "common/base/hex.h"

#include "absl/strings/escaping.h"
#include "common/base/status.h"

namespace archpool {

std::string ToHex(absl::Span<const uint8_t> bytes) {
  return absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

namespace {

// -1 where `c` is no hex digit.
int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

// Not absl::HexStringToBytes: the form that Debian 12 has is deprecated in
// Debian 13, and its successor is not in Debian 12.
absl::StatusOr<std::vector<uint8_t>> FromHex(absl::string_view text) {
  if (text.size() % 2 != 0) {
    return InvalidArgument("HEX_MALFORMED", "hex text has an odd length");
  }
  std::vector<uint8_t> bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) {
      return InvalidArgument("HEX_MALFORMED",
                             "hex text has a character that is no hex digit");
    }
    bytes.push_back(static_cast<uint8_t>(high * 16 + low));
  }
  return bytes;
}

}  // namespace archpool
