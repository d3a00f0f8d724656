// SPDX-License-Identifier: Apache-2.0
// X.509 certificates, by OpenSSL: the pool's own authority, what it issues, and
// files that operators bring. Texts are PEM. Thread-safe.
#ifndef ARCHPOOL_COMMON_TLS_CERTIFICATE_H_
#define ARCHPOOL_COMMON_TLS_CERTIFICATE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/signature.h"
#include "common/tls/pin.h"

namespace archpool {

// A name that every certificate of a pool's own making carries, whatever its
// machine is called. No public authority may vouch for names under .internal.
inline constexpr char kPoolServerName[] = "archpool-server.internal";
// The subject of the authority that a pool makes itself.
inline constexpr char kPoolAuthorityName[] = "archpool pool authority";

// How long certificates are valid. They begin a day before they are made: the
// clock of who reads them may be behind.
inline constexpr absl::Duration kAuthorityTerm = absl::Hours(24 * 365 * 30);
inline constexpr absl::Duration kCertificateTerm = absl::Hours(24 * 90);
// What is left when a new one is issued.
inline constexpr absl::Duration kRenewalTerm = absl::Hours(24 * 30);

// What a server shows, and what proves that it may.
struct CertificatePair {
  std::string certificates;  // the server's own first, then its issuers
  std::string key;           // of the first one

  friend bool operator==(const CertificatePair&,
                         const CertificatePair&) = default;
};

// What a chain of certificates says.
struct ChainFacts {
  Pin pin;  // of its last certificate: what outlives the renewal of the first
  Pin first_pin;
  // The term of the first one.
  absl::Time not_before;
  absl::Time not_after;
};

// The self-signed certificate of the authority whose key is `key`.
std::string MakeAuthority(const SigningKey& key, absl::Time now);

// A certificate for a new P-256 key, signed by that authority, with the
// authority's own behind it. `names`: DNS names and IP addresses besides
// kPoolServerName; what is neither is left out.
CertificatePair IssueCertificate(const SigningKey& authority_key,
                                 absl::string_view authority,
                                 const std::vector<std::string>& names,
                                 absl::Time now);

// INVALID_ARGUMENT (CERTIFICATE_MALFORMED): no certificates, or one that
// cannot be read.
absl::StatusOr<ChainFacts> ReadChain(absl::string_view certificates);

// Whether a server can use it. INVALID_ARGUMENT: CERTIFICATE_MALFORMED,
// CERTIFICATE_KEY_MALFORMED (none, or one with a passphrase),
// CERTIFICATE_KEY_MISMATCH (the key is another certificate's),
// CERTIFICATE_UNUSABLE (its key is too weak, or of a kind that TLS has not).
absl::StatusOr<ChainFacts> CheckPair(const CertificatePair& pair);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_TLS_CERTIFICATE_H_
