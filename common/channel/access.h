// SPDX-License-Identifier: Apache-2.0
// How a program comes to the server that its flags name, and no other.
#ifndef ARCHPOOL_COMMON_CHANNEL_ACCESS_H_
#define ARCHPOOL_COMMON_CHANNEL_ACCESS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/channel/server_site.h"
#include "common/channel/trust_flags.h"
#include "common/tls/pin.h"

namespace archpool {

// A pin that was found elsewhere than in the flags.
struct FoundPin {
  Pin pin;
  std::string source;  // "the token file x"
};

// The server that `server` (the text of --server) names. Its pin is the flag's,
// else `found`; without one the system's authorities decide, but on this
// machine, where none vouches for anybody.
//
// ReadServerAddress's and Pin::Parse's errors; INVALID_ARGUMENT:
// SERVER_PIN_UNSET (on this machine, and no pin is given), PLAINTEXT_PUBLIC
// (--plaintext for a server elsewhere).
absl::StatusOr<ServerSite> ReadServerSite(absl::string_view server,
                                          const TrustFlags& flags,
                                          const std::optional<FoundPin>& found);

struct Access {
  ServerSite site;
  std::string token;
};

// The same with the pin and the token of a token file. ReadTokenAndPin's
// errors, too.
absl::StatusOr<Access> ReadAccess(absl::string_view server,
                                  const TrustFlags& flags,
                                  const std::string& token_file);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_ACCESS_H_
