// SPDX-License-Identifier: Apache-2.0
#include "server/intake/upload_rules.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// For how long a file that was announced counts whole, and what came of it.
constexpr absl::Duration kAnnouncedKept = absl::Hours(1);
constexpr absl::Duration kPartKept = absl::Hours(24);

absl::Status CheckRole(const Account& caller, Role needed,
                       absl::string_view purpose) {
  if (caller.role == needed) return absl::OkStatus();
  return PermissionDenied(
      "PURPOSE_NOT_ALLOWED",
      absl::StrCat("a ", ToString(caller.role), " may not upload ", purpose,
                   "; use the token of a ", ToString(needed)));
}

}  // namespace

absl::Status CheckMayUpload(const Account& caller, UploadWish::Kind kind) {
  switch (kind) {
    case UploadWish::Kind::kDatasetFile:
      return CheckRole(caller, Role::kClient, "dataset files");
    case UploadWish::Kind::kTrialWeights:
      return CheckRole(caller, Role::kMiner, "weights");
    case UploadWish::Kind::kTrialCheckpoint:
      return CheckRole(caller, Role::kMiner, "checkpoints");
  }
  ARCHPOOL_CHECK(false);
}

absl::StatusOr<UploadTarget> UploadRules::Check(const Account& caller,
                                                const UploadWish& wish) {
  ARCHPOOL_RETURN_IF_ERROR(CheckMayUpload(caller, wish.kind));
  UploadTarget target{.owner = caller.id.ToString(),
                      .digest = wish.digest,
                      .size_bytes = wish.size_bytes,
                      .trial = wish.trial};
  if (wish.kind == UploadWish::Kind::kTrialWeights) {
    return CheckWeights(caller, std::move(target));
  }
  if (wish.kind == UploadWish::Kind::kTrialCheckpoint) {
    return CheckCheckpoint(caller, std::move(target));
  }
  return target;
}

absl::StatusOr<Trial> UploadRules::OwnTrial(const Account& caller, TrialId id) {
  absl::StatusOr<Trial> trial = reader_.GetTrial(id);
  const bool is_anothers = trial.ok() && trial->account != caller.id;
  if (!is_anothers && !absl::IsNotFound(trial.status())) return trial;
  return NotFound("TRIAL_UNKNOWN", absl::StrCat(id.ToString(),
                                                " is no trial of this "
                                                "account"));
}

absl::StatusOr<UploadTarget> UploadRules::CheckWeights(const Account& caller,
                                                       UploadTarget target) {
  const absl::StatusOr<Trial> trial = OwnTrial(caller, target.trial);
  if (!trial.ok()) return trial.status();
  switch (trial->state) {
    case TrialState::kAssigned:
    case TrialState::kAbandoned:
      return FailedPrecondition(
          "TRIAL_NOT_COMMITTED",
          absl::StrCat(target.trial.ToString(), " is ", ToString(trial->state),
                       "; report it before sending its weights"));
    case TrialState::kRejected:
      return FailedPrecondition(
          "UPLOAD_TOO_LATE",
          absl::StrCat(target.trial.ToString(), " is rejected (", trial->reason,
                       "); its weights are not wanted"));
    case TrialState::kCommitted:
    case TrialState::kUploaded:
    case TrialState::kAccepted:
      break;
  }
  const Commitment& commitment = CommitmentOf(*trial);
  if (commitment.weights_digest == target.digest &&
      commitment.weights_size_bytes == target.size_bytes) {
    return NoteIfWanted(*trial, std::move(target));
  }
  return FailedPrecondition(
      "WEIGHTS_NOT_ANNOUNCED",
      absl::StrCat("the commitment of ", target.trial.ToString(), " binds ",
                   commitment.weights_size_bytes, " bytes with the digest ",
                   commitment.weights_digest.ToString(), "; send those"));
}

// A task ends when its audits have: nobody waits for anything of it then, and
// no record counts what comes.
absl::StatusOr<UploadTarget> UploadRules::NoteIfWanted(const Trial& trial,
                                                       UploadTarget target) {
  ARCHPOOL_ASSIGN_OR_RETURN(const Task task, reader_.GetTask(trial.task));
  if (task.end_time) {
    target.is_over = true;
    target.is_wanted = false;
  } else if (trial.state == TrialState::kAccepted) {
    // Where it needed them, they came before, and are counted. An audit may
    // want them after all.
    const absl::StatusOr<Audit> audit = reader_.GetOpenAudit(target.trial);
    if (!audit.ok() && !absl::IsNotFound(audit.status())) {
      return audit.status();
    }
    const bool is_asked = audit.ok() && (audit->missing & kPartWeights) != 0;
    ARCHPOOL_ASSIGN_OR_RETURN(const bool is_counted,
                              IsCounted(trial.account, target.digest));
    target.is_wanted = is_asked || is_counted;
  }
  return target;
}

absl::StatusOr<bool> UploadRules::IsCounted(AccountId account,
                                            const Digest& weights) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<BlobClaims> claims,
                            reader_.FindClaims({weights}));
  const std::vector<StoredWeights>& counted = claims.front().weights;
  return std::any_of(
      counted.begin(), counted.end(),
      [account](const StoredWeights& one) { return one.account == account; });
}

absl::StatusOr<UploadTarget> UploadRules::CheckCheckpoint(const Account& caller,
                                                          UploadTarget target) {
  ARCHPOOL_RETURN_IF_ERROR(OwnTrial(caller, target.trial).status());
  const absl::StatusOr<Audit> audit = reader_.GetOpenAudit(target.trial);
  if (!audit.ok() && !absl::IsNotFound(audit.status())) return audit.status();
  const auto is = [&](const Digest& digest, int64_t size_bytes) {
    return target.digest == digest && target.size_bytes == size_bytes;
  };
  const CheckpointFiles& begin =
      audit.ok() ? audit->opening.begin : CheckpointFiles();
  if (is(begin.weights, begin.weights_size_bytes) ||
      is(begin.optimizer, begin.optimizer_size_bytes)) {
    target.is_checkpoint = true;
    return target;
  }
  return FailedPrecondition(
      "UPLOAD_NOT_WANTED",
      absl::StrCat("no open audit of ", target.trial.ToString(),
                   " asks for this file; open the segment first"));
}

absl::Status UploadRules::Charge(const UploadTarget& target, int64_t bytes) {
  if (target.trial.IsSet()) return absl::OkStatus();
  const absl::Time now = clock_.Now();
  absl::MutexLock lock(&mutex_);
  if (now - day_start_ > absl::Hours(24)) {
    day_start_ = now;
    charged_.clear();
  }
  int64_t& charged = charged_[target.owner];
  if (charged + bytes > kDatasetBytesPerDayMax) {
    return ResourceExhausted(
        "UPLOAD_QUOTA", absl::StrCat("the account has sent ", charged,
                                     " bytes of dataset files in a day, and ",
                                     kDatasetBytesPerDayMax,
                                     " are allowed; continue tomorrow"));
  }
  charged += bytes;
  UnderWay& file = under_way_[target.owner][target.digest];
  file.came_bytes += bytes;
  file.time = now;
  return absl::OkStatus();
}

int64_t UploadRules::UnderWayBeside(const UploadTarget& target) {
  const absl::Time now = clock_.Now();
  absl::MutexLock lock(&mutex_);
  const auto found = under_way_.find(target.owner);
  if (found == under_way_.end()) return 0;
  FilesUnderWay& files = found->second;
  int64_t bytes = 0;
  for (auto it = files.begin(); it != files.end();) {
    const UnderWay& file = it->second;
    const bool is_new = now - file.time < kAnnouncedKept;
    if (!is_new && (file.came_bytes == 0 || now - file.time > kPartKept)) {
      it = files.erase(it);
      continue;
    }
    if (it->first != target.digest) {
      bytes +=
          CountedBytes(is_new ? std::max(file.announced_bytes, file.came_bytes)
                              : file.came_bytes);
    }
    ++it;
  }
  if (files.empty()) under_way_.erase(found);
  return bytes;
}

int64_t UploadRules::Begin(const UploadTarget& target) {
  if (target.trial.IsSet()) return 0;
  const absl::Time now = clock_.Now();
  absl::MutexLock lock(&mutex_);
  UnderWay& file = under_way_[target.owner][target.digest];
  file.time = now;
  return std::exchange(file.announced_bytes, target.size_bytes);
}

void UploadRules::Withdraw(const UploadTarget& target, int64_t earlier_bytes) {
  absl::MutexLock lock(&mutex_);
  const auto found = under_way_.find(target.owner);
  if (found == under_way_.end()) return;
  const auto file = found->second.find(target.digest);
  if (file == found->second.end()) return;
  file->second.announced_bytes = earlier_bytes;
  if (earlier_bytes > 0 || file->second.came_bytes > 0) return;
  found->second.erase(file);
  if (found->second.empty()) under_way_.erase(found);
}

void UploadRules::End(const UploadTarget& target) {
  absl::MutexLock lock(&mutex_);
  const auto found = under_way_.find(target.owner);
  if (found == under_way_.end()) return;
  found->second.erase(target.digest);
  if (found->second.empty()) under_way_.erase(found);
}

}  // namespace archpool
