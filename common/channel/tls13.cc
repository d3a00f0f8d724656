// SPDX-License-Identifier: Apache-2.0
#include "common/channel/tls13.h"

#include <cstdlib>

namespace archpool {
namespace {

// gRPC 1.51 has no public way to demand TLS 1.3: its oldest version is 1.2,
// whatever OpenSSL's own settings say. But it asks this variable for the
// ciphers of TLS 1.2 (those of 1.3 are apart), and this one needs a key that
// both sides agreed on beforehand, which nobody sets: no handshake of TLS 1.2
// finds a cipher. Before main, since a program with threads must not change its
// environment.
const bool told = setenv("GRPC_SSL_CIPHER_SUITES", "PSK-AES256-GCM-SHA384",
                         /*overwrite=*/1) == 0;

}  // namespace

bool IsTls13Alone() { return told; }

}  // namespace archpool
