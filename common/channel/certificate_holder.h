// SPDX-License-Identifier: Apache-2.0
// The certificate by which a program shows a pool whose it is, and its key:
// their files are read again while the program runs, so that renewing them
// stops nothing. Thread-safe.
#ifndef ARCHPOOL_COMMON_CHANNEL_CERTIFICATE_HOLDER_H_
#define ARCHPOOL_COMMON_CHANNEL_CERTIFICATE_HOLDER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/countdown.h"
#include "common/tls/certificate.h"

namespace archpool {

// --certificate and --key. Both are "" where the program shows none.
struct CertificateFiles {
  std::string certificate;
  std::string key;
};

// Reads both and whether they can be used. CheckPair's and ReadFile's errors,
// with the files' names; FAILED_PRECONDITION (CERTIFICATE_KEY_EXPOSED): others
// than the key's owner and group can read it, or others than its owner write.
absl::StatusOr<CertificatePair> ReadCertificateFiles(
    const CertificateFiles& files);

class CertificateHolder {
 public:
  // nullptr where `files` names none. INVALID_ARGUMENT (CERTIFICATE_FLAGS): one
  // without the other; else errors as ReadCertificateFiles.
  static absl::StatusOr<std::shared_ptr<CertificateHolder>> Open(
      const CertificateFiles& files);

  // The pair as the files have it; read once in two seconds at most. The
  // same object until they have another. Where they cannot be used, the pair
  // that they had: what is wrong is logged when it is found a second time,
  // since two files cannot be replaced at once.
  std::shared_ptr<const CertificatePair> Current() ABSL_LOCKS_EXCLUDED(mutex_);

  // The server said in how many seconds the certificate ends ("": it did not):
  // warns, once a day.
  void HearLeft(absl::string_view seconds) ABSL_LOCKS_EXCLUDED(mutex_);

  // A refusal because of the certificate (UNAUTHENTICATED, CERTIFICATE_...) is
  // logged once, and answered as UNAVAILABLE with the same reason: what is
  // tried again meanwhile works by itself once the files have another one, or
  // the pool's clock is right again. Every other status is answered as it is.
  absl::Status Heard(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  CertificateHolder(CertificateFiles files, CertificatePair pair)
      : files_(std::move(files)),
        pair_(std::make_shared<const CertificatePair>(std::move(pair))) {}
  void ReadAgain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteFailure(const absl::Status& failure)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const CertificateFiles files_;
  absl::Mutex mutex_;
  std::shared_ptr<const CertificatePair> pair_ ABSL_GUARDED_BY(mutex_);
  // Until they are read again.
  Countdown fresh_ ABSL_GUARDED_BY(mutex_){absl::Seconds(2)};
  std::string failure_ ABSL_GUARDED_BY(mutex_);  // the last look's; "": none
  bool is_failure_said_ ABSL_GUARDED_BY(mutex_) = false;
  std::string refusal_said_ ABSL_GUARDED_BY(mutex_);  // its reason; "": none
  std::optional<Countdown> left_said_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_CERTIFICATE_HOLDER_H_
