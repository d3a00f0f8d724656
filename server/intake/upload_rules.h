// SPDX-License-Identifier: Apache-2.0
// Who may upload what. Thread-safe.
#ifndef ARCHPOOL_SERVER_INTAKE_UPLOAD_RULES_H_
#define ARCHPOOL_SERVER_INTAKE_UPLOAD_RULES_H_

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/crypto/sha256.h"
#include "server/core/records/entities.h"
#include "server/storage/store.h"

namespace archpool {

inline constexpr int64_t kDatasetBytesPerDayMax = int64_t{32} << 30;

// What somebody wants to upload.
struct UploadWish {
  enum class Kind { kDatasetFile, kTrialWeights, kTrialCheckpoint };
  Kind kind = Kind::kDatasetFile;
  Digest digest;
  int64_t size_bytes = 0;
  TrialId trial;  // whose file it is; unset for a dataset's
};

// PERMISSION_DENIED (PURPOSE_NOT_ALLOWED): files of datasets are for clients,
// those of trials for miners.
absl::Status CheckMayUpload(const Account& caller, UploadWish::Kind kind);

// An upload that was found to be allowed.
struct UploadTarget {
  std::string owner;  // of the partial bytes
  Digest digest;
  int64_t size_bytes = 0;
  TrialId trial;  // whose file it is; unset for a dataset's
  bool is_checkpoint = false;
  // Whether the pool asks for it. Of what it does not ask for, it takes no
  // more than the word that it has it, and keeps it no longer for that.
  bool is_wanted = true;
  bool is_over = false;  // the trial's task has ended; not wanted, then
};

class UploadRules {
 public:
  // Both outlive this.
  UploadRules(const Clock& clock, Reader& reader)
      : clock_(clock), reader_(reader) {}

  // Blocks on the database. CheckMayUpload's errors. NOT_FOUND
  // (TRIAL_UNKNOWN): not the caller's. FAILED_PRECONDITION:
  // TRIAL_NOT_COMMITTED, WEIGHTS_NOT_ANNOUNCED (another digest or size was
  // committed), UPLOAD_TOO_LATE (rejected), UPLOAD_NOT_WANTED (no audit asks
  // for that checkpoint).
  absl::StatusOr<UploadTarget> Check(const Account& caller,
                                     const UploadWish& wish);

  // Counts bytes of dataset files, which nothing else bounds.
  // RESOURCE_EXHAUSTED (UPLOAD_QUOTA): too many by this account in a day.
  absl::Status Charge(const UploadTarget& target, int64_t bytes)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Dataset files that are not whole are in no record, and take room all the
  // same. What they count that this account announced, or sent in part, within
  // a while: without the target's.
  int64_t UnderWayBeside(const UploadTarget& target)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The file is announced; of what size it was before, or 0.
  int64_t Begin(const UploadTarget& target) ABSL_LOCKS_EXCLUDED(mutex_);
  // It was refused: it is as it was before.
  void Withdraw(const UploadTarget& target, int64_t earlier_bytes)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // It is counted in a record, or dropped.
  void End(const UploadTarget& target) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // NOT_FOUND (TRIAL_UNKNOWN).
  absl::StatusOr<Trial> OwnTrial(const Account& caller, TrialId id);
  absl::StatusOr<UploadTarget> CheckWeights(const Account& caller,
                                            UploadTarget target);
  // REQUIRES: the target is what was committed to.
  absl::StatusOr<UploadTarget> NoteIfWanted(const Trial& trial,
                                            UploadTarget target);
  // Whether the account has these weights on the disk, of whichever trial.
  absl::StatusOr<bool> IsCounted(AccountId account, const Digest& weights);
  absl::StatusOr<UploadTarget> CheckCheckpoint(const Account& caller,
                                               UploadTarget target);

  struct UnderWay {
    int64_t announced_bytes = 0;
    int64_t came_bytes = 0;
    absl::Time time;  // of the latest bytes
  };
  using FilesUnderWay = absl::btree_map<Digest, UnderWay>;

  const Clock& clock_;
  Reader& reader_;
  absl::Mutex mutex_;
  absl::btree_map<std::string, FilesUnderWay> under_way_  // by owner
      ABSL_GUARDED_BY(mutex_);
  // Bytes since day_start_, by owner.
  absl::btree_map<std::string, int64_t> charged_ ABSL_GUARDED_BY(mutex_);
  absl::Time day_start_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_INTAKE_UPLOAD_RULES_H_
