// SPDX-License-Identifier: Apache-2.0
// An invitation's code as people pass it on: with the pin of the server that it
// is for, so that who joins needs nothing else.
#ifndef ARCHPOOL_CLIENT_INVITE_CODE_H_
#define ARCHPOOL_CLIENT_INVITE_CODE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tls/pin.h"

namespace archpool {

struct InviteCode {
  std::string code;  // what the pool knows
  std::optional<Pin> server_pin;

  // The code, and after a full stop the pin without its "sha256:". INVALID_
  // ARGUMENT (CODE_MALFORMED): what follows the stop is no pin.
  static absl::StatusOr<InviteCode> Parse(absl::string_view text);
  std::string ToString() const;
};

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_INVITE_CODE_H_
