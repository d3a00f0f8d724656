// SPDX-License-Identifier: Apache-2.0
// Trained trials that the pool has not acknowledged yet, on disk: what a worker
// must not lose when it crashes. A trial enters with its weights before it is
// reported, and leaves once the weights are at the server or are refused.
// Thread-safe; one process per directory (ClaimDirectory).
#ifndef ARCHPOOL_WORKER_AGENT_TRIAL_JOURNAL_H_
#define ARCHPOOL_WORKER_AGENT_TRIAL_JOURNAL_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/crypto/sha256.h"
#include "worker/agent/training_id.h"
#include "worker/agent/work_client.h"

namespace archpool {

struct JournalEntry {
  Digest trial_key;
  TrialCommitment commitment;
  bool is_committed = false;  // the pool has taken the report

  TrainingId id() const { return {trial_key, commitment.trial}; }
};

class TrialJournal {
 public:
  // Loads what `directory` holds, oldest trial first. Entries that a crash left
  // unfinished are removed: nothing was said about them yet.
  static absl::StatusOr<std::unique_ptr<TrialJournal>> Open(
      std::string directory);

  std::vector<JournalEntry> Entries() const;
  std::optional<JournalEntry> Find(const TrainingId& id) const;

  // Stores a trial that was just trained; fills in the weights' digest and
  // size. The disk's errors.
  absl::StatusOr<JournalEntry> Add(const Digest& trial_key,
                                   TrialCommitment commitment,
                                   absl::string_view weights);
  absl::Status MarkCommitted(const TrainingId& id);
  void Remove(const TrainingId& id);

  // Where the entry's weights lie, as an upload.
  UploadSource WeightsOf(const JournalEntry& entry) const;

 private:
  explicit TrialJournal(std::string directory)
      : directory_(std::move(directory)) {}
  absl::Status Load() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status LoadEntry(const std::string& name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string PathOf(absl::string_view name, absl::string_view suffix) const;
  absl::Status Write(const JournalEntry& entry) const;

  const std::string directory_;
  mutable absl::Mutex mutex_;
  std::map<TrainingId, JournalEntry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_TRIAL_JOURNAL_H_
