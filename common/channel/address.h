// SPDX-License-Identifier: Apache-2.0
// Addresses as people write them, looked at before anything is tried: gRPC
// resolves nearly any text to something.
#ifndef ARCHPOOL_COMMON_CHANNEL_ADDRESS_H_
#define ARCHPOOL_COMMON_CHANNEL_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace archpool {

struct HostPort {
  std::string host;  // a name, an IPv4 address, or an IPv6 address, unbracketed
  int port = 0;

  // As gRPC reads it.
  std::string ToString() const;
  // Whether only this machine can reach it: "localhost", 127.0.0.0/8, ::1. Of
  // names, no other than "localhost": where they lead is not known here.
  bool IsLoopback() const;
};

// HOST:PORT, with an IPv6 address in brackets; blanks around it are left out.
// INVALID_ARGUMENT (ADDRESS_MALFORMED): the message begins with `flag` and says
// what would be right. `port_min` is 0 where the system may choose the port.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view flag,
                                       absl::string_view text, int port_min);

// A server to call, ready for gRPC: HOST:PORT, or "unix:PATH" as it stands.
// Errors as ParseHostPort.
absl::StatusOr<std::string> ReadServerAddress(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_ADDRESS_H_
