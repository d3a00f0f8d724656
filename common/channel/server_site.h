// SPDX-License-Identifier: Apache-2.0
// Where a server is called, and how it is known to be the right one.
#ifndef ARCHPOOL_COMMON_CHANNEL_SERVER_SITE_H_
#define ARCHPOOL_COMMON_CHANNEL_SERVER_SITE_H_

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/channel/handshake_notes.h"
#include "common/tls/certificate.h"
#include "common/tls/server_check.h"

namespace archpool {

// Value type.
struct ServerSite {
  std::string address;  // as ReadServerAddress answers it
  ServerTrust trust;

  // A server on this machine that was started with --plaintext.
  static ServerSite Plaintext(std::string address) {
    return {std::move(address), {.by = ServerTrust::By::kPlaintext}};
  }
};

// What a channel to the site needs. `notes` hear of every handshake. `shown`,
// where it is set and CheckPair found it right, is what the program shows a
// server that asks whose it is. Thread-safe.
std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(
    const ServerTrust& trust, std::shared_ptr<HandshakeNotes> notes,
    const CertificatePair* shown = nullptr);

// Why nobody answered at a site that never did: it may speak TLS where plain
// text was asked for, or plain text where TLS is due. Tries the other of the
// two, for two seconds at most, and sends nothing over it. UNAVAILABLE:
// SERVER_SPEAKS_TLS, SERVER_SPEAKS_PLAINTEXT. OK: it is something else.
absl::Status FindSpeech(const ServerSite& site);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_SERVER_SITE_H_
