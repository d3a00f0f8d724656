// SPDX-License-Identifier: Apache-2.0
#include "client/invite_code.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool {

absl::StatusOr<InviteCode> InviteCode::Parse(absl::string_view text) {
  const size_t stop = text.find('.');
  InviteCode parsed{.code = std::string(text.substr(0, stop)),
                    .server_pin = std::nullopt};
  if (stop == absl::string_view::npos) return parsed;
  const auto pin = Pin::Parse(absl::StrCat(kPinPrefix, text.substr(stop + 1)));
  if (!pin.ok()) {
    return InvalidArgument("CODE_MALFORMED",
                           "the invitation's code is damaged: what follows its "
                           "full stop is no server's pin; copy all of it");
  }
  parsed.server_pin = *pin;
  return parsed;
}

std::string InviteCode::ToString() const {
  if (!server_pin) return code;
  const std::string pin = server_pin->ToString();
  return absl::StrCat(code, ".", absl::StripPrefix(pin, kPinPrefix));
}

}  // namespace archpool
