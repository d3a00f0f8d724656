// SPDX-License-Identifier: Apache-2.0
// Where the server's certificates come from. For one thread at a time.
#ifndef ARCHPOOL_SERVER_TLS_CERTIFICATE_SOURCE_H_
#define ARCHPOOL_SERVER_TLS_CERTIFICATE_SOURCE_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/tls/served_certificate.h"

namespace archpool {

class CertificateSource {
 public:
  virtual ~CertificateSource() = default;

  // The next pair to show, where there is a new one since the last that was
  // answered; the first time there is. Errors say what is wrong with a new one:
  // then the last stays the right one.
  virtual absl::StatusOr<std::optional<CheckedPair>> Look(absl::Time now) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_TLS_CERTIFICATE_SOURCE_H_
