// SPDX-License-Identifier: Apache-2.0
// The checkpoints of this worker's trainings on disk, until the pool has
// settled their trials: what audits are answered with, and what a training goes
// on from after a crash. Files may go where space is short, the oldest trial's
// first; their digests stay, and training again brings them back. What is held
// stays. Thread-safe; one process per directory (ClaimDirectory).
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
#include "worker/agent/training_id.h"

namespace archpool {

class CheckpointVault {
 public:
  // While it lives, no file of the training goes: a removal waits for it.
  class Hold {
   public:
    Hold(Hold&& other) noexcept;
    Hold& operator=(Hold&&) = delete;
    ~Hold();

   private:
    friend class CheckpointVault;
    Hold(CheckpointVault* vault, const TrainingId& id)
        : vault_(vault), id_(id) {}
    CheckpointVault* vault_;  // null once moved from
    const TrainingId id_;
  };

  // Loads what `directory` holds; `bytes_max` bounds the files.
  static absl::StatusOr<std::unique_ptr<CheckpointVault>> Open(
      std::string directory, int64_t bytes_max);

  // These bound the files from the next checkpoint on: until then it may be
  // unknown which of them a training continues from.
  void SetBytesMax(int64_t bytes_max) ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsEmpty() const ABSL_LOCKS_EXCLUDED(mutex_);

  // A training is about to begin, or to continue. Where there is none under
  // this name, it takes over what another trial of the same key left here.
  Hold Begin(const TrainingId& id) ABSL_LOCKS_EXCLUDED(mutex_);
  // As Begin, for its files are about to be read; holds nothing where there is
  // no such training.
  Hold HoldFiles(const TrainingId& id) ABSL_LOCKS_EXCLUDED(mutex_);

  // What was seen of it, from boundary 0 on.
  std::vector<CheckpointFiles> FilesOf(const TrainingId& id) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The latest checkpoint whose files are here, to continue from; nullopt:
  // none.
  std::optional<Checkpoint> LatestOf(const TrainingId& id) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The next checkpoint, or one seen before, whose files come back.
  // FAILED_PRECONDITION (TRAINING_NOT_REPEATABLE): it differs from the one seen
  // before. NOT_FOUND (CHECKPOINT_LOST): those before it are not here. The
  // disk's errors.
  absl::Status Add(const TrainingId& id, const Checkpoint& checkpoint)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on the pool may ask for it.
  absl::Status Keep(const TrainingId& id) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nobody will ask for it any more.
  void Remove(const TrainingId& id) ABSL_LOCKS_EXCLUDED(mutex_);
  // Removed while it was held: nobody waits for what comes of it.
  bool IsRemoved(const TrainingId& id) const ABSL_LOCKS_EXCLUDED(mutex_);
  // What was seen of it is of no use: it is trained from its start.
  void Restart(const TrainingId& id) ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets what the pool was never told of: another arithmetic continues.
  void RemoveUnkept() ABSL_LOCKS_EXCLUDED(mutex_);

  std::map<TrialId, Digest> Kept() const ABSL_LOCKS_EXCLUDED(mutex_);

  // A file as an upload. NOT_FOUND (CHECKPOINT_LOST): train it again.
  absl::StatusOr<UploadSource> WeightsAt(const TrainingId& id,
                                         int64_t boundary) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<UploadSource> OptimizerAt(const TrainingId& id,
                                           int64_t boundary) const
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Training {
    bool is_kept = false;
    bool is_removed = false;  // as soon as nothing holds it
    int64_t holds = 0;
    std::vector<CheckpointFiles> seen;
    int64_t bytes = 0;      // of the files that are here
    int64_t age_order = 0;  // rises with each new training
  };
  using Trainings = std::map<TrainingId, Training>;

  CheckpointVault(std::string directory, int64_t bytes_max)
      : directory_(std::move(directory)), bytes_max_(bytes_max) {}
  absl::Status Load() ABSL_LOCKS_EXCLUDED(mutex_);
  void LoadOne(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string PathOf(const TrainingId& id) const;
  std::string FilePathOf(const TrainingId& id, int64_t boundary,
                         absl::string_view part) const;
  absl::StatusOr<UploadSource> FileAt(const TrainingId& id, int64_t boundary,
                                      bool is_optimizer) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WriteIndex(const TrainingId& id, const Training& training) const;
  void TakeOver(const TrainingId& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool LinkFiles(const TrainingId& from, const TrainingId& to,
                 size_t boundaries) const;
  void Release(const TrainingId& id) ABSL_LOCKS_EXCLUDED(mutex_);
  Trainings::iterator Drop(Trainings::iterator at)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string directory_;
  mutable absl::Mutex mutex_;
  int64_t bytes_max_ ABSL_GUARDED_BY(mutex_);
  Trainings trainings_ ABSL_GUARDED_BY(mutex_);
  int64_t trainings_begun_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_CHECKPOINT_VAULT_H_
