// SPDX-License-Identifier: Apache-2.0
// The flags by which a program is told which server is the right one.
#ifndef ARCHPOOL_COMMON_CHANNEL_TRUST_FLAGS_H_
#define ARCHPOOL_COMMON_CHANNEL_TRUST_FLAGS_H_

#include <string>

namespace CLI {
class App;
}

namespace archpool {

// --server-pin and --plaintext.
struct TrustFlags {
  std::string server_pin;  // "": as AddTrustFlags' help says
  bool is_plaintext = false;
};

void AddTrustFlags(CLI::App& app, TrustFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_TRUST_FLAGS_H_
