// SPDX-License-Identifier: Apache-2.0
// Keeps the served certificate current while the server runs: looks at its
// source every two seconds. Start and Stop are for one thread.
#ifndef ARCHPOOL_SERVER_TLS_CERTIFICATE_KEEPER_H_
#define ARCHPOOL_SERVER_TLS_CERTIFICATE_KEEPER_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "server/tls/certificate_source.h"
#include "server/tls/served_certificate.h"

namespace archpool {

class CertificateKeeper {
 public:
  // Serves the source's first pair. Look's errors. `clock`, the system's,
  // outlives it.
  static absl::StatusOr<std::unique_ptr<CertificateKeeper>> Open(
      const Clock& clock, std::unique_ptr<CertificateSource> source);
  ~CertificateKeeper();  // stops

  // As long as the keeper.
  const ServedCertificate& served() const { return served_; }

  void Start();
  // Idempotent.
  void Stop();

  // One look, for tests. What is wrong is said when it is found a second time:
  // two files cannot be replaced at once.
  void Round();

 private:
  CertificateKeeper(const Clock& clock,
                    std::unique_ptr<CertificateSource> source,
                    CheckedPair first);
  void NoteFailure(const absl::Status& failure);
  void WarnOfEnd(absl::Time now);

  const Clock& clock_;
  const std::unique_ptr<CertificateSource> source_;
  ServedCertificate served_;
  // For the thread alone.
  std::string failure_;  // the last look's; "": none
  bool is_failure_said_ = false;
  absl::Time next_warning_ = absl::InfinitePast();
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_TLS_CERTIFICATE_KEEPER_H_
