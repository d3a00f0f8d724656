// SPDX-License-Identifier: Apache-2.0
// A server's certificate as a pool makes one, and how its clients know it.
#ifndef ARCHPOOL_TESTS_BENCH_ENCRYPTION_H_
#define ARCHPOOL_TESTS_BENCH_ENCRYPTION_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/check.h"
#include "common/channel/server_site.h"
#include "common/crypto/signature.h"
#include "common/tls/certificate.h"
#include "server/tls/served_certificate.h"

namespace archpool {

class Encryption {
 public:
  Encryption() {
    CertificatePair pair = IssueCertificate(
        key_, MakeAuthority(key_, absl::Now()), {"127.0.0.1"}, absl::Now());
    const absl::StatusOr<ChainFacts> facts = CheckPair(pair);
    ARCHPOOL_CHECK(facts.ok());
    served_.emplace(CheckedPair{std::move(pair), *facts});
    pin_ = facts->pin;
  }
  const ServedCertificate& served() const { return *served_; }
  ServerSite SiteOf(std::string address) const {
    return {std::move(address),
            {.by = ServerTrust::By::kPin, .pin = pin_, .source = "here"}};
  }

 private:
  const SigningKey key_ = SigningKey::Generate();
  std::optional<ServedCertificate> served_;
  Pin pin_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_BENCH_ENCRYPTION_H_
