// SPDX-License-Identifier: Apache-2.0
// Bounds the certificates that a stranger may have a server read.
#ifndef ARCHPOOL_COMMON_TLS_CLIENT_CHAINS_H_
#define ARCHPOOL_COMMON_TLS_CLIENT_CHAINS_H_

namespace archpool {

// For this process, before it opens a port that asks clients for certificates:
// of what a client shows, the first certificate is read and no other, and a
// chain of more than 32 KiB ends the handshake. Else OpenSSL walks all of it
// before anybody has shown a token: 80 KB of names and constraints take 0.65 s.
// Chains of servers are bounded alike in their bytes, and verified as before.
// False: out of memory. Thread-safe; later calls do nothing.
bool BoundClientChains();

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_TLS_CLIENT_CHAINS_H_
