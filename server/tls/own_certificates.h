// SPDX-License-Identifier: Apache-2.0
// Certificates of the pool's own making. The authority's key is derived from
// the pool's secret, so that its pin is as lasting as the pool and needs no
// backup of its own; the server's key lives in memory alone, and a new one
// takes its place long before its certificate ends.
#ifndef ARCHPOOL_SERVER_TLS_OWN_CERTIFICATES_H_
#define ARCHPOOL_SERVER_TLS_OWN_CERTIFICATES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/signature.h"
#include "server/tls/certificate_source.h"

namespace archpool {

class OwnCertificates : public CertificateSource {
 public:
  // `folder`: where the authority's certificate lies, for other programs to
  // read; made for its owner alone where it is missing. `names`: what the
  // server is called besides kPoolServerName. A certificate that is there and
  // cannot be this authority's is replaced, and a line says so: nothing but the
  // key makes the pin. FAILED_PRECONDITION (FILE_UNWRITABLE),
  // RESOURCE_EXHAUSTED (DISK_FULL).
  static absl::StatusOr<OwnCertificates> Open(const std::string& folder,
                                              const SigningKey& authority_key,
                                              std::vector<std::string> names,
                                              absl::Time now);

  // Never fails. A new one is due kRenewalTerm before the last ends, and where
  // the clock says that the last has not begun.
  absl::StatusOr<std::optional<CheckedPair>> Look(absl::Time now) override;

 private:
  OwnCertificates(const SigningKey& authority_key, std::string authority,
                  std::vector<std::string> names)
      : authority_key_(authority_key),
        authority_(std::move(authority)),
        names_(std::move(names)) {}

  SigningKey authority_key_;
  std::string authority_;  // its certificate
  std::vector<std::string> names_;
  std::optional<ChainFacts> last_;
};

// The authority's certificate in a pool's folder.
std::string AuthorityPath(const std::string& folder);

// How often the pool was given a new authority, counted from 1: the number in
// the file `generation` of the folder; 1 where there is none.
// FAILED_PRECONDITION (TLS_GENERATION_MALFORMED): the file holds none.
absl::StatusOr<int64_t> ReadGeneration(const std::string& folder);

// What the authority's key of that generation is derived for.
std::string AuthorityDomain(int64_t generation);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_TLS_OWN_CERTIFICATES_H_
