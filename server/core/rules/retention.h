// SPDX-License-Identifier: Apache-2.0
// How long a file on the pool's disk is kept, and for whom: the one place that
// decides it. Pure functions; thread-safe.
#ifndef ARCHPOOL_SERVER_CORE_RULES_RETENTION_H_
#define ARCHPOOL_SERVER_CORE_RULES_RETENTION_H_

#include "absl/time/time.h"
#include "server/core/records/blob_claims.h"

namespace archpool {

// InfiniteDuration keeps for good.
struct RetentionPolicy {
  // A client's file after its splits were cut: until then it need not be sent
  // again for a dataset cut otherwise. And one of which no dataset was made.
  absl::Duration cut_files = absl::Hours(24);
  absl::Duration uncut_files = absl::Hours(24 * 30);
  // The splits of a dataset after its last task ended, or it was registered.
  absl::Duration unused_datasets = absl::Hours(24 * 30);
  // Weights after the end of their task: those of accepted trials, which are
  // the client's results, and all others.
  absl::Duration results = absl::Hours(24 * 365);
  absl::Duration other_weights = absl::Hours(24 * 7);
};

// Whether nobody needs the blob for that any more.
bool IsOver(const RetentionPolicy& policy, const StoredFile& file,
            absl::Time now);
bool IsOver(const RetentionPolicy& policy, const DatasetClaim& claim,
            absl::Time now);
bool IsOver(const RetentionPolicy& policy, const WeightsClaim& claim,
            absl::Time now);

// Whether a trial needs it. What is counted for the weights stays counted until
// none does: a known result has the weights of another trial.
bool IsWantedByTrials(const RetentionPolicy& policy, const BlobClaims& claims,
                      absl::Time now);

// Whether there is something to do: a claim to end, or nothing that claims it.
// A dataset that a server from before registered, and that has had no task, is
// one too: from when on it is unused has to be noted.
bool HasEnded(const RetentionPolicy& policy, const BlobClaims& claims,
              absl::Time now);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_RETENTION_H_
