// SPDX-License-Identifier: Apache-2.0
// The file in which somebody keeps an account's token.
#ifndef ARCHPOOL_COMMON_CHANNEL_TOKEN_FILE_H_
#define ARCHPOOL_COMMON_CHANNEL_TOKEN_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace archpool {

// The bearer token in `path`: its first line, without the byte order mark that
// some editors begin with and without blanks around it. NOT_FOUND
// (TOKEN_FILE_MISSING); INVALID_ARGUMENT: TOKEN_FILE_EMPTY,
// TOKEN_FILE_MALFORMED (a byte that no token has; the message tells its place,
// never what it is).
absl::StatusOr<std::string> ReadTokenFile(const std::string& path);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_TOKEN_FILE_H_
