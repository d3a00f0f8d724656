// SPDX-License-Identifier: Apache-2.0
// Certificates by which verifiers show a pool that they are their account's:
// signed by an authority of their own, so that none of them passes for the
// pool's server. Texts are PEM. Thread-safe.
#ifndef ARCHPOOL_COMMON_TLS_VERIFIER_CERTIFICATE_H_
#define ARCHPOOL_COMMON_TLS_VERIFIER_CERTIFICATE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/signature.h"

namespace archpool {

// What a verifier's certificate says. Value type.
struct VerifierCertificate {
  std::string account;  // its name
  // The certificates of an account are revoked together: those of an earlier
  // series than the account's. From 1 on.
  int64_t series = 1;
  absl::Time not_after;

  friend bool operator==(const VerifierCertificate&,
                         const VerifierCertificate&) = default;
};

// A new P-256 key, and what asks for a certificate of it.
struct CertificateRequest {
  std::string key;      // stays where it was made
  std::string request;  // PKCS#10, signed with it
};
CertificateRequest MakeCertificateRequest();

// A certificate for the key of `request` (PKCS#10), of which nothing else is
// taken over: who asks names no account. Called by the pool's operator.
// INVALID_ARGUMENT: CERTIFICATE_REQUEST_MALFORMED (none, a damaged one, or one
// that the key's owner did not sign), CERTIFICATE_UNUSABLE (TLS 1.3 has no use
// for the key). REQUIRES: IsName(what.account); what.series >= 1.
absl::StatusOr<std::string> SignVerifierCertificate(
    const SigningKey& authority, absl::string_view request,
    const VerifierCertificate& what, absl::Time now);

// What the first certificate of `certificates`, which may come from anybody,
// says. That the caller has its key, the handshake has proved. Nobody asks when
// it begins: only a clock that was wrong makes that later than now.
// INVALID_ARGUMENT: CERTIFICATE_MALFORMED, CERTIFICATE_UNTRUSTED (another
// authority's).
absl::StatusOr<VerifierCertificate> ReadVerifierCertificate(
    const PublicKey& authority, absl::string_view certificates);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_TLS_VERIFIER_CERTIFICATE_H_
