// SPDX-License-Identifier: Apache-2.0
// Certificates that an operator brings, in two files that somebody renews.
#ifndef ARCHPOOL_SERVER_TLS_BROUGHT_CERTIFICATES_H_
#define ARCHPOOL_SERVER_TLS_BROUGHT_CERTIFICATES_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/tls/certificate_source.h"

namespace archpool {

class BroughtCertificates : public CertificateSource {
 public:
  BroughtCertificates(std::string certificate_path, std::string key_path)
      : certificate_path_(std::move(certificate_path)),
        key_path_(std::move(key_path)) {}

  // Reads both files: they are small, and no time of theirs is to be trusted.
  // ReadFile's and CheckPair's errors, with the files' names: while they are
  // being replaced they do not match.
  absl::StatusOr<std::optional<CheckedPair>> Look(absl::Time now) override;

 private:
  const std::string certificate_path_;
  const std::string key_path_;
  std::optional<CertificatePair> last_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_TLS_BROUGHT_CERTIFICATES_H_
