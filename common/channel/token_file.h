// SPDX-License-Identifier: Apache-2.0
// The file in which somebody keeps an account's token, and the pin of the
// server that it is for: two lines.
#ifndef ARCHPOOL_COMMON_CHANNEL_TOKEN_FILE_H_
#define ARCHPOOL_COMMON_CHANNEL_TOKEN_FILE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tls/pin.h"

namespace archpool {

// The bearer token in `path`: its first line, without the byte order mark that
// some editors begin with and without blanks around it. NOT_FOUND
// (TOKEN_FILE_MISSING); INVALID_ARGUMENT: TOKEN_FILE_EMPTY,
// TOKEN_FILE_MALFORMED (a byte that no token has; the message tells its place,
// never what it is).
absl::StatusOr<std::string> ReadTokenFile(const std::string& path);

struct TokenAndPin {
  std::string token;
  std::optional<Pin> server_pin;
};

// The same with the server's pin: the first line after the token's that begins
// with "sha256:". ReadTokenFile's errors; INVALID_ARGUMENT
// (TOKEN_FILE_PIN_MALFORMED).
absl::StatusOr<TokenAndPin> ReadTokenAndPin(const std::string& path);

// What such a file holds.
std::string TokenFileText(absl::string_view token,
                          const std::optional<Pin>& server_pin);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_TOKEN_FILE_H_
