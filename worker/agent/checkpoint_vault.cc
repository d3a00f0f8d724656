// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/checkpoint_vault.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "worker/agent/checkpoint_files.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

absl::Status Lost(const TrainingId& id, int64_t boundary) {
  return NotFound(
      "CHECKPOINT_LOST",
      absl::StrCat("checkpoint ", boundary, " of the training of ",
                   id.trial.ToString(), " is not on this disk any more"));
}

int64_t SizeOf(const CheckpointFiles& files) {
  return files.weights_size_bytes + files.optimizer_size_bytes;
}

}  // namespace

CheckpointVault::Hold::Hold(Hold&& other) noexcept
    : vault_(std::exchange(other.vault_, nullptr)), id_(other.id_) {}

CheckpointVault::Hold::~Hold() {
  if (vault_ != nullptr) vault_->Release(id_);
}

absl::StatusOr<std::unique_ptr<CheckpointVault>> CheckpointVault::Open(
    std::string directory, int64_t bytes_max) {
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory));
  std::unique_ptr<CheckpointVault> vault(
      new CheckpointVault(std::move(directory), bytes_max));
  ARCHPOOL_RETURN_IF_ERROR(vault->Load());
  return vault;
}

absl::Status CheckpointVault::Load() {
  const absl::MutexLock lock(&mutex_);
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, std::string>> by_age;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    // What others put here is theirs, and a link may lead anywhere.
    std::error_code ignored;
    const auto status = entry.symlink_status(ignored);
    if (!TrainingIdFromName(name) || !fs::is_directory(status)) continue;
    by_age.emplace_back(
        fs::last_write_time(entry.path() / kCheckpointIndex, ignored), name);
  }
  if (error) {
    return FailedPrecondition(
        "FILE_UNREADABLE",
        absl::StrCat("cannot read ", directory_, ": ", error.message()));
  }
  std::sort(by_age.begin(), by_age.end());
  for (const auto& [written, name] : by_age) LoadOne(name);
  return absl::OkStatus();
}

void CheckpointVault::LoadOne(const std::string& name) {
  TrainingId id = *TrainingIdFromName(name);
  const std::string path = absl::StrCat(directory_, "/", name);
  std::optional<CheckpointIndex> index = ReadCheckpointIndex(path);
  // What a crash left half written was never committed to.
  if (!index) return RemoveCheckpointDirectory(path);
  Training training{.is_kept = index->kept_for.IsSet(),
                    .seen = std::move(index->seen),
                    .age_order = ++trainings_begun_};
  if (name == id.key.ToString()) id.trial = index->kept_for;
  std::error_code error;
  if (name != id.ToName()) fs::rename(path, PathOf(id), error);
  if (error) return;
  for (int64_t k = 0; k < std::ssize(training.seen); ++k) {
    const CheckpointFiles& files = training.seen[static_cast<size_t>(k)];
    if (IsCheckpointFileThere(FilePathOf(id, k, kCheckpointWeights),
                              files.weights_size_bytes)) {
      training.bytes += SizeOf(files);
    }
  }
  trainings_[id] = std::move(training);
}

void CheckpointVault::SetBytesMax(int64_t bytes_max) {
  const absl::MutexLock lock(&mutex_);
  bytes_max_ = bytes_max;
}

bool CheckpointVault::IsEmpty() const {
  const absl::MutexLock lock(&mutex_);
  return trainings_.empty();
}

CheckpointVault::Hold CheckpointVault::Begin(const TrainingId& id) {
  const absl::MutexLock lock(&mutex_);
  if (!trainings_.contains(id)) TakeOver(id);
  Training& training = trainings_[id];
  training.is_removed = false;
  if (training.age_order == 0) training.age_order = ++trainings_begun_;
  ++training.holds;
  return Hold(this, id);
}

CheckpointVault::Hold CheckpointVault::HoldFiles(const TrainingId& id) {
  const absl::MutexLock lock(&mutex_);
  const auto found = trainings_.find(id);
  if (found == trainings_.end()) return Hold(nullptr, id);
  ++found->second.holds;
  return Hold(this, id);
}

void CheckpointVault::Release(const TrainingId& id) {
  const absl::MutexLock lock(&mutex_);
  const auto found = trainings_.find(id);
  if (found == trainings_.end()) return;
  if (--found->second.holds == 0 && found->second.is_removed) Drop(found);
}

// Links cost no space and no time, and each training loses its own alone.
void CheckpointVault::TakeOver(const TrainingId& id) {
  const Training* most = nullptr;
  TrainingId from;
  for (auto at = trainings_.lower_bound({id.key, TrialId()});
       at != trainings_.end() && at->first.key == id.key; ++at) {
    if (most == nullptr || at->second.seen.size() > most->seen.size()) {
      from = at->first;
      most = &at->second;
    }
  }
  if (most == nullptr) return;
  Training training{.seen = most->seen,
                    .bytes = most->bytes,
                    .age_order = ++trainings_begun_};
  if (!MakeDirectories(PathOf(id)).ok() ||
      !LinkFiles(from, id, training.seen.size()) ||
      !WriteIndex(id, training).ok()) {
    return RemoveCheckpointDirectory(PathOf(id));
  }
  trainings_[id] = std::move(training);
}

bool CheckpointVault::LinkFiles(const TrainingId& from, const TrainingId& to,
                                size_t boundaries) const {
  for (int64_t k = 0; k < static_cast<int64_t>(boundaries); ++k) {
    for (const char* part : {kCheckpointWeights, kCheckpointOptimizer}) {
      const std::string target = FilePathOf(to, k, part);
      std::error_code error;
      fs::remove(target, error);
      fs::create_hard_link(FilePathOf(from, k, part), target, error);
      // Its space was needed: this one starts without it, too.
      if (error && error != std::errc::no_such_file_or_directory) return false;
    }
  }
  return true;
}

std::vector<CheckpointFiles> CheckpointVault::FilesOf(
    const TrainingId& id) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = trainings_.find(id);
  if (found == trainings_.end()) return {};
  return found->second.seen;
}

std::optional<Checkpoint> CheckpointVault::LatestOf(
    const TrainingId& id) const {
  const std::vector<CheckpointFiles> seen = FilesOf(id);
  for (auto boundary = static_cast<int64_t>(seen.size()) - 1; boundary >= 0;
       --boundary) {
    const CheckpointFiles& files = seen[static_cast<size_t>(boundary)];
    const auto weights = ReadFile(FilePathOf(id, boundary, kCheckpointWeights),
                                  files.weights_size_bytes);
    const auto optimizer =
        ReadFile(FilePathOf(id, boundary, kCheckpointOptimizer),
                 files.optimizer_size_bytes);
    // A crash of the machine may have cut them.
    if (!weights.ok() || !optimizer.ok() ||
        archpool::FilesOf(*weights, *optimizer) != files) {
      continue;
    }
    absl::StatusOr<Checkpoint> checkpoint =
        ParseCheckpoint(boundary, *weights, *optimizer, SafetensorsLimits());
    if (checkpoint.ok()) return *std::move(checkpoint);
  }
  return std::nullopt;
}

absl::Status CheckpointVault::Add(const TrainingId& id,
                                  const Checkpoint& checkpoint) {
  const CheckpointBytes bytes = SerializeCheckpoint(checkpoint);
  const CheckpointFiles files =
      archpool::FilesOf(bytes.weights, bytes.optimizer);
  const absl::MutexLock lock(&mutex_);
  Training& training = trainings_[id];
  if (training.age_order == 0) training.age_order = ++trainings_begun_;
  const auto boundary = static_cast<size_t>(checkpoint.boundary);
  if (boundary > training.seen.size()) return Lost(id, checkpoint.boundary - 1);
  if (boundary < training.seen.size() && training.seen[boundary] != files) {
    return FailedPrecondition(
        "TRAINING_NOT_REPEATABLE",
        absl::StrCat(
            "checkpoint ", checkpoint.boundary,
            " of a training done again is not what it was: this "
            "machine's arithmetic cannot be audited; check its memory, "
            "and keep --threads and the instruction set as they were"));
  }
  // Each time: a person who tidies up this disk must not end the training.
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(PathOf(id)));
  const std::string weights =
      FilePathOf(id, checkpoint.boundary, kCheckpointWeights);
  const std::string optimizer =
      FilePathOf(id, checkpoint.boundary, kCheckpointOptimizer);
  const bool was_there =
      IsCheckpointFileThere(weights, files.weights_size_bytes);
  // Another training of this key may be linked to what is here.
  std::error_code ignored;
  fs::remove(weights, ignored);
  fs::remove(optimizer, ignored);
  ARCHPOOL_RETURN_IF_ERROR(WriteCheckpointFile(weights, bytes.weights));
  ARCHPOOL_RETURN_IF_ERROR(WriteCheckpointFile(optimizer, bytes.optimizer));
  if (!was_there) training.bytes += SizeOf(files);
  if (boundary == training.seen.size()) {
    training.seen.push_back(files);
    ARCHPOOL_RETURN_IF_ERROR(WriteIndex(id, training));
  }
  ++training.holds;
  MakeRoom();
  --training.holds;
  return absl::OkStatus();
}

absl::Status CheckpointVault::Keep(const TrainingId& id) {
  const absl::MutexLock lock(&mutex_);
  const auto found = trainings_.find(id);
  if (found == trainings_.end() || found->second.is_removed) {
    return absl::OkStatus();
  }
  found->second.is_kept = true;
  return WriteIndex(id, found->second);
}

void CheckpointVault::Remove(const TrainingId& id) {
  const absl::MutexLock lock(&mutex_);
  const auto found = trainings_.find(id);
  if (found == trainings_.end()) return;
  found->second.is_removed = true;
  if (found->second.holds == 0) Drop(found);
}

bool CheckpointVault::IsRemoved(const TrainingId& id) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = trainings_.find(id);
  return found != trainings_.end() && found->second.is_removed;
}

void CheckpointVault::Restart(const TrainingId& id) {
  const absl::MutexLock lock(&mutex_);
  const auto found = trainings_.find(id);
  if (found == trainings_.end()) return;
  RemoveCheckpointDirectory(PathOf(id));
  found->second.seen.clear();
  found->second.bytes = 0;
}

void CheckpointVault::RemoveUnkept() {
  const absl::MutexLock lock(&mutex_);
  for (auto at = trainings_.begin(); at != trainings_.end();) {
    at = at->second.is_kept ? std::next(at) : Drop(at);
  }
}

CheckpointVault::Trainings::iterator CheckpointVault::Drop(
    Trainings::iterator at) {
  RemoveCheckpointDirectory(PathOf(at->first));
  return trainings_.erase(at);
}

std::map<TrialId, Digest> CheckpointVault::Kept() const {
  const absl::MutexLock lock(&mutex_);
  std::map<TrialId, Digest> kept;
  for (const auto& [id, training] : trainings_) {
    if (training.is_kept && !training.is_removed) kept[id.trial] = id.key;
  }
  return kept;
}

absl::StatusOr<UploadSource> CheckpointVault::WeightsAt(
    const TrainingId& id, int64_t boundary) const {
  return FileAt(id, boundary, /*is_optimizer=*/false);
}

absl::StatusOr<UploadSource> CheckpointVault::OptimizerAt(
    const TrainingId& id, int64_t boundary) const {
  return FileAt(id, boundary, /*is_optimizer=*/true);
}

absl::StatusOr<UploadSource> CheckpointVault::FileAt(const TrainingId& id,
                                                     int64_t boundary,
                                                     bool is_optimizer) const {
  const std::vector<CheckpointFiles> seen = FilesOf(id);
  if (boundary < 0 || boundary >= std::ssize(seen)) return Lost(id, boundary);
  const CheckpointFiles& files = seen[static_cast<size_t>(boundary)];
  const UploadSource source{
      FilePathOf(id, boundary,
                 is_optimizer ? kCheckpointOptimizer : kCheckpointWeights),
      is_optimizer ? files.optimizer : files.weights,
      is_optimizer ? files.optimizer_size_bytes : files.weights_size_bytes};
  if (!IsCheckpointFileThere(source.path, source.size_bytes))
    return Lost(id, boundary);
  return source;
}

std::string CheckpointVault::PathOf(const TrainingId& id) const {
  return absl::StrCat(directory_, "/", id.ToName());
}

std::string CheckpointVault::FilePathOf(const TrainingId& id, int64_t boundary,
                                        absl::string_view part) const {
  return CheckpointPath(PathOf(id), boundary, part);
}

absl::Status CheckpointVault::WriteIndex(const TrainingId& id,
                                         const Training& training) const {
  return WriteCheckpointIndex(
      PathOf(id), {training.is_kept ? id.trial : TrialId(), training.seen});
}

void CheckpointVault::MakeRoom() {
  int64_t bytes = 0;
  std::vector<std::pair<int64_t, TrainingId>> by_age;
  for (const auto& [id, training] : trainings_) {
    bytes += training.bytes;
    if (training.holds == 0) by_age.push_back({training.age_order, id});
  }
  if (bytes <= bytes_max_) return;
  std::sort(by_age.begin(), by_age.end());
  std::error_code ignored;
  for (const auto& [age, id] : by_age) {
    if (bytes <= bytes_max_) return;
    const auto found = trainings_.find(id);
    Training& training = found->second;
    bytes -= training.bytes;
    training.bytes = 0;
    if (!training.is_kept) {  // nobody will ask for it
      Drop(found);
      continue;
    }
    for (int64_t k = 0; k < std::ssize(training.seen); ++k) {
      fs::remove(FilePathOf(id, k, kCheckpointWeights), ignored);
      fs::remove(FilePathOf(id, k, kCheckpointOptimizer), ignored);
    }
  }
}

}  // namespace archpool
