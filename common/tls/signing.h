// SPDX-License-Identifier: Apache-2.0
// What the makers of certificates beside this file share.
#ifndef ARCHPOOL_COMMON_TLS_SIGNING_H_
#define ARCHPOOL_COMMON_TLS_SIGNING_H_

#include <string>

#include "absl/time/time.h"
#include "common/crypto/signature.h"
#include "common/tls/openssl.h"

namespace archpool::tls {

// How long before they are made certificates begin.
inline constexpr absl::Duration kBackdated = absl::Hours(24);

std::string PemOf(X509& certificate);
std::string PemOf(EVP_PKEY& key);
std::string PemOf(X509_REQ& request);
Key KeyOf(const SigningKey& key);

// REQUIRES: OpenSSL understands `value`.
void AddExtension(X509& certificate, X509& issuer, int kind,
                  const std::string& value);

// Version, number, dates, subject and public key.
Certificate Begin(const std::string& subject, EVP_PKEY& key, absl::Time now,
                  absl::Duration term);

// REQUIRES: `time` is one: it stands in a certificate that somebody trusted
// signed.
absl::Time TimeOf(const ASN1_TIME& time);

}  // namespace archpool::tls

#endif  // ARCHPOOL_COMMON_TLS_SIGNING_H_
