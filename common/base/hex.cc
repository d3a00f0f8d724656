#include "common/base/hex.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "common/base/status.h"

namespace archpool {

std::string ToHex(absl::Span<const uint8_t> bytes) {
  return absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

absl::StatusOr<std::vector<uint8_t>> FromHex(absl::string_view text) {
  if (text.size() % 2 != 0) {
    return InvalidArgument("HEX_MALFORMED", "hex text has an odd length");
  }
  for (char c : text) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
      return InvalidArgument("HEX_MALFORMED",
                             "hex text has a character that is no hex digit");
    }
  }
  const std::string bytes = absl::HexStringToBytes(text);
  return std::vector<uint8_t>(bytes.begin(), bytes.end());
}

}  // namespace archpool
