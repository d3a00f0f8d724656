// SPDX-License-Identifier: Apache-2.0
// Which certificates the pool takes from verifiers, and how it gives and
// revokes them. The authority's key is derived from the pool's secret, as that
// of the server's own certificates is; what was revoked stands in a file, which
// is read again while the server runs.
#ifndef ARCHPOOL_SERVER_TLS_VERIFIER_CERTIFICATES_H_
#define ARCHPOOL_SERVER_TLS_VERIFIER_CERTIFICATES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/crypto/signature.h"

namespace archpool {

// The series of each account's certificates, by its name; 1 where it is not in
// it. Those of an earlier one are revoked.
using CertificateSeries = absl::btree_map<std::string, int64_t>;

// That of the file `verifier-series` of a pool's folder `tls`; empty where
// there is none. FAILED_PRECONDITION (VERIFIER_SERIES_MALFORMED); ReadFile's
// errors.
absl::StatusOr<CertificateSeries> ReadCertificateSeries(
    const std::string& folder);

// Revokes all certificates that the account has: raises its series, and answers
// it. Where root calls, the file is given to the owner of the folder.
// ReadCertificateSeries's and WriteFileDurably's errors.
absl::StatusOr<int64_t> RevokeCertificates(const std::string& folder,
                                           const std::string& account);

// What the key of the authority for verifiers is derived for: another
// generation of the pool's authority (ReadGeneration) revokes them all.
std::string VerifierAuthorityDomain(int64_t generation);

// Whom a verifier that calls without its certificate is.
enum class CertificateDemand {
  kAccepted,  // served, and named in the log
  kRequired,  // refused
};

// Thread-safe but for Start and Stop, which are for one thread.
class VerifierCertificates {
 public:
  // Reads the file in `folder`. Errors as ReadCertificateSeries.
  static absl::StatusOr<std::unique_ptr<VerifierCertificates>> Open(
      std::string folder, const PublicKey& authority, CertificateDemand demand);
  ~VerifierCertificates();  // stops

  // Reads the file again every two seconds.
  void Start();
  // Idempotent.
  void Stop();
  // One look, for tests. What cannot be read leaves what was read last, and is
  // said when it is found a second time.
  void Round() ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether a call of `account` may come over a connection that showed
  // `certificate` (PEM; "" for none). Answers how long it lasts; nullopt where
  // the call is served although it has none that holds. UNAUTHENTICATED:
  // CERTIFICATE_REQUIRED (none), CERTIFICATE_UNTRUSTED (not of this pool's
  // making), CERTIFICATE_OF_ANOTHER (account), CERTIFICATE_SUSPENDED (the
  // account is: its own holds again once it is reinstated),
  // CERTIFICATE_REVOKED, CERTIFICATE_EXPIRED.
  absl::StatusOr<std::optional<absl::Duration>> Admit(
      absl::string_view account, absl::string_view certificate, absl::Time now,
      bool is_suspended = false) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  VerifierCertificates(std::string folder, const PublicKey& authority,
                       CertificateDemand demand, CertificateSeries series)
      : folder_(std::move(folder)),
        authority_(authority),
        demand_(demand),
        series_(std::move(series)) {}

  // How long it lasts, or Admit's errors.
  absl::StatusOr<absl::Duration> Check(absl::string_view account,
                                       absl::string_view certificate,
                                       absl::Time now, bool is_suspended) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  int64_t SeriesOf(absl::string_view account) const ABSL_LOCKS_EXCLUDED(mutex_);
  void Say(absl::string_view account, const absl::Status& why,
           absl::Time now) const ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string folder_;
  const PublicKey authority_;
  const CertificateDemand demand_;
  mutable absl::Mutex mutex_;
  CertificateSeries series_ ABSL_GUARDED_BY(mutex_);
  // When a line about an account and a reason may follow the last one: of
  // verifiers' accounts, which operators make.
  mutable absl::btree_map<std::pair<std::string, std::string>, absl::Time>
      said_until_ ABSL_GUARDED_BY(mutex_);
  // For the thread alone.
  std::string failure_;  // the last look's; "": none
  bool is_failure_said_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_TLS_VERIFIER_CERTIFICATES_H_
