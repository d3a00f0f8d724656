// SPDX-License-Identifier: Apache-2.0
// Whether the certificates that a server shows are those of the pool that a
// program means to talk to. That the server has the key of the first one, the
// handshake has proved before. Thread-safe.
#ifndef ARCHPOOL_COMMON_TLS_SERVER_CHECK_H_
#define ARCHPOOL_COMMON_TLS_SERVER_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/tls/pin.h"

namespace archpool {

// What makes a server the right one.
struct ServerTrust {
  enum class By {
    kPin,        // its certificate's authority, or its own key, has `pin`
    kSystem,     // an authority that this system trusts vouches for its name
    kPlaintext,  // nothing: the line does not leave this machine
  };
  By by = By::kSystem;
  Pin pin;
  std::string source;  // where `pin` stands, for people: "--server-pin"
};

// `chain`: PEM, the server's own certificate first. `host`: the name or address
// by which it was called, without a port.
//
// A pin on the pool's own authority decides alone: neither the machine's name
// nor anybody's clock does. Where the pin is that of another authority, who
// vouches for others as well, the name and the dates count besides.
//
// FAILED_PRECONDITION: SERVER_PIN_MISMATCH, SERVER_UNTRUSTED;
// INVALID_ARGUMENT (CERTIFICATE_MALFORMED).
// REQUIRES: trust.by is not kPlaintext.
absl::Status CheckServer(const ServerTrust& trust, absl::string_view chain,
                         absl::string_view host);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_TLS_SERVER_CHECK_H_
