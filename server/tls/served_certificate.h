// SPDX-License-Identifier: Apache-2.0
// The certificate that the server's ports show at the next handshake.
// Thread-safe.
#ifndef ARCHPOOL_SERVER_TLS_SERVED_CERTIFICATE_H_
#define ARCHPOOL_SERVER_TLS_SERVED_CERTIFICATE_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/tls/certificate.h"

namespace archpool {

// A pair that CheckPair found right, and what it says.
struct CheckedPair {
  CertificatePair pair;
  ChainFacts facts;
};

class ServedCertificate {
 public:
  explicit ServedCertificate(CheckedPair first) { Serve(std::move(first)); }

  struct Version {
    CheckedPair served;
    int64_t number = 0;  // counts up from 1
  };
  std::shared_ptr<const Version> Current() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return current_;
  }

  // From the next connection on; those that are open stay.
  void Serve(CheckedPair next) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    const int64_t number = current_ == nullptr ? 1 : current_->number + 1;
    current_ =
        std::make_shared<const Version>(Version{std::move(next), number});
  }

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<const Version> current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_TLS_SERVED_CERTIFICATE_H_
