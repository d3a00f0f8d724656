// SPDX-License-Identifier: Apache-2.0
#include "common/tls/pin.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr size_t kHexDigits = 64;
constexpr size_t kBase64Characters = 43;

absl::Status Malformed(absl::string_view text) {
  return InvalidArgument(
      "PIN_MALFORMED",
      absl::StrCat("'", absl::Utf8SafeCHexEscape(text.substr(0, 100)),
                   "' is no pin: a pin is sha256: and 43 letters, digits, - "
                   "and _; the server's log shows it, and `archpool-server "
                   "pin`"));
}

}  // namespace

absl::StatusOr<Pin> Pin::Parse(absl::string_view text) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  if (!absl::ConsumePrefix(&rest, kPinPrefix)) return Malformed(text);
  absl::ConsumeSuffix(&rest, "=");
  absl::StatusOr<Digest> key = InvalidArgument("PIN_MALFORMED", "");
  std::string bytes;
  if (rest.size() == kHexDigits) {
    key = Digest::Parse(absl::AsciiStrToLower(rest));
  } else if (rest.size() == kBase64Characters &&
             absl::WebSafeBase64Unescape(rest, &bytes)) {
    key = Digest::FromBytes(bytes);
  }
  if (!key.ok()) return Malformed(text);
  const Pin pin{*key};
  // Several texts decode to the same bytes; one is right.
  if (rest.size() == kBase64Characters &&
      pin.ToString() != absl::StrCat(kPinPrefix, rest)) {
    return Malformed(text);
  }
  return pin;
}

std::string Pin::ToString() const {
  return absl::StrCat(kPinPrefix, absl::WebSafeBase64Escape(key.AsBytes()));
}

}  // namespace archpool
