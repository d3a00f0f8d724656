// SPDX-License-Identifier: Apache-2.0
// A verifier's loop: takes audits one at a time, examines the weights, reports
// what it found, through restarts of either side. Thread-compatible.
#ifndef ARCHPOOL_VERIFIER_VERIFIER_H_
#define ARCHPOOL_VERIFIER_VERIFIER_H_

#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/channel/blob_cache.h"
#include "common/channel/retry.h"
#include "verifier/audit_client.h"
#include "verifier/examiner.h"

namespace archpool {

struct VerifierOptions {
  // Holds the blobs, and a note of the audit under way.
  std::string work_dir;
  int64_t cache_bytes_max = int64_t{4} << 30;
  // How long one call waits at the server for an audit.
  absl::Duration acquire_wait = absl::Seconds(20);
  // While the server is away or refuses.
  RetryPolicy retry;
  // For what one audit needs: after that another verifier takes it.
  RetryPolicy audit_retry = {.give_up_after = absl::Minutes(1)};
  // After findings that tell nothing, one after the other: what ails this
  // machine may pass, and others are not kept from the audits meanwhile.
  RetryPolicy doubt_pause = {.pause_min = absl::Seconds(2),
                             .pause_max = absl::Minutes(1)};
};

class Verifier {
 public:
  // Both outlive this. REQUIRES: options.work_dir exists.
  Verifier(AuditClient& client, Examiner& examiner,
           const VerifierOptions& options);

  // Works until `stop`, then answers OK; the audit under way is given up: this
  // verifier takes it up again at its next start, or another one does.
  // Fails where the pool will not have this verifier at all (UNAUTHENTICATED,
  // PERMISSION_DENIED, INVALID_ARGUMENT).
  absl::Status Run(const std::stop_token& stop);

 private:
  absl::Status DoAudit(const wire::AuditOrder& order,
                       const std::stop_token& stop);
  AuditFinding Find(const wire::AuditOrder& order, const Patience& patience);
  // Renews the audit's lease until `stop`, or until another has it.
  void KeepLease(const wire::AuditOrder& order, const std::stop_token& stop);
  // Loads the splits; answers the files.
  absl::StatusOr<AuditFiles> FetchAll(const wire::AuditOrder& order,
                                      const std::stop_token& stop);
  absl::StatusOr<std::string> Fetch(const Digest& digest, int64_t size_bytes,
                                    const BlobReader& read,
                                    const std::stop_token& stop);
  absl::Status LoadData(const wire::AuditOrder& order,
                        const std::stop_token& stop);
  // Whether this very attempt was under way when this verifier ended last.
  bool HasCrashedOn(const wire::AuditOrder& order) const;

  AuditClient& client_;
  Examiner& examiner_;
  const VerifierOptions options_;
  BlobCache splits_;
  BlobCache weights_;
  Digest loaded_held_out_;
  Digest loaded_dataset_;
  std::unique_ptr<const AuditData> loaded_;
  Backoff doubt_;
  bool is_in_doubt_ = false;  // the last finding told nothing
};

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_VERIFIER_H_
