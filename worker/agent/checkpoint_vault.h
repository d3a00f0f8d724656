// The checkpoints of this worker's trainings on disk, until the pool has
// settled their trials: what audits are answered with, and what a training goes
// on from after a crash. Files may go where space is short, the oldest trial's
// first; their digests stay, and training again brings them back. Thread-safe;
// one process per directory (DirectoryLock).
#ifndef ARCHPOOL_WORKER_AGENT_CHECKPOINT_VAULT_H_
#define ARCHPOOL_WORKER_AGENT_CHECKPOINT_VAULT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/channel/blob_client.h"
#include "common/crypto/sha256.h"
#include "common/data/checkpoint.h"
#include "common/model/commitment.h"
#include "common/model/ids.h"

namespace archpool {

class CheckpointVault {
 public:
  // Loads what `directory` holds; `bytes_max` bounds the files.
  static absl::StatusOr<std::unique_ptr<CheckpointVault>> Open(
      std::string directory, int64_t bytes_max);

  // A training is named by its trial key.

  // What was seen of it, from boundary 0 on.
  std::vector<CheckpointFiles> FilesOf(const Digest& key) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The latest checkpoint whose files are here, to go on from; nullopt: none.
  std::optional<Checkpoint> LatestOf(const Digest& key) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The next checkpoint, or one seen before, whose files come back.
  // FAILED_PRECONDITION (TRAINING_NOT_REPEATABLE): it differs from the one seen
  // before. The disk's errors.
  absl::Status Add(const Digest& key, const Checkpoint& checkpoint)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on the pool may ask for it under the trial's name.
  absl::Status Keep(const Digest& key, TrialId trial)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(const Digest& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets what the pool was never told of: another arithmetic goes on.
  void RemoveUnkept() ABSL_LOCKS_EXCLUDED(mutex_);

  std::map<TrialId, Digest> Kept() const ABSL_LOCKS_EXCLUDED(mutex_);

  // A file as an upload. NOT_FOUND (CHECKPOINT_LOST): train it again.
  absl::StatusOr<UploadSource> WeightsAt(const Digest& key,
                                         int64_t boundary) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<UploadSource> OptimizerAt(const Digest& key,
                                           int64_t boundary) const
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Training {
    TrialId trial;  // unset until it is kept
    std::vector<CheckpointFiles> seen;
    int64_t bytes = 0;      // of the files that are here
    int64_t age_order = 0;  // rises with each new training
  };

  CheckpointVault(std::string directory, int64_t bytes_max)
      : directory_(std::move(directory)), bytes_max_(bytes_max) {}
  absl::Status Load() ABSL_LOCKS_EXCLUDED(mutex_);
  std::string PathOf(const Digest& key, absl::string_view name) const;
  std::string FilePathOf(const Digest& key, int64_t boundary,
                         absl::string_view part) const;
  absl::Status WriteIndex(const Digest& key, const Training& training) const;
  void MakeRoom(const Digest& but) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string directory_;
  const int64_t bytes_max_;
  mutable absl::Mutex mutex_;
  std::map<Digest, Training> trainings_ ABSL_GUARDED_BY(mutex_);
  int64_t trainings_begun_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_CHECKPOINT_VAULT_H_
