#include "worker/agent/checkpoint_vault.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kIndexBytesMax = 1 << 20;
constexpr char kIndex[] = "index.json";
constexpr char kWeights[] = "weights";
constexpr char kOptimizer[] = "optimizer";

absl::Status Lost(const Digest& key, int64_t boundary) {
  return NotFound(
      "CHECKPOINT_LOST",
      absl::StrCat("checkpoint ", boundary, " of training ", key.ToString(),
                   " is not on this disk any more"));
}

// Not synced: what a crash of the machine takes is trained again.
absl::Status WriteFile(const std::string& path, absl::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return absl::OkStatus();
  return ResourceExhausted(
      "DISK_FULL", absl::StrCat(path,
                                " cannot be written: make room, or lower "
                                "--checkpoints-mib"));
}

bool IsThere(const std::string& path, int64_t size_bytes) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return !error && static_cast<int64_t>(size) == size_bytes;
}

int64_t SizeOf(const CheckpointFiles& files) {
  return files.weights_size_bytes + files.optimizer_size_bytes;
}

bool IsReadable(const json& index, TrialId& trial,
                std::vector<CheckpointFiles>& seen) {
  try {
    trial.value = index.at("trial_id").get<int64_t>();
    for (const json& one : index.at("checkpoints")) {
      const auto weights = Digest::Parse(one.at(0).get<std::string>());
      const auto optimizer = Digest::Parse(one.at(2).get<std::string>());
      if (!weights.ok() || !optimizer.ok()) return false;
      seen.push_back({*weights, one.at(1).get<int64_t>(), *optimizer,
                      one.at(3).get<int64_t>()});
    }
  } catch (const json::exception&) {
    return false;
  }
  return true;
}

}  // namespace

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
  std::vector<fs::directory_entry> entries;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(directory_, error)) {
    entries.push_back(entry);
  }
  const auto written = [](const fs::directory_entry& entry) {
    std::error_code ignored;
    return fs::last_write_time(entry.path() / kIndex, ignored);
  };
  std::sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
    return written(a) < written(b);
  });
  for (const fs::directory_entry& entry : entries) {
    const auto key = Digest::Parse(entry.path().filename().string());
    Training training{.age_order = ++trainings_begun_};
    const auto text =
        ReadFile((entry.path() / kIndex).string(), kIndexBytesMax);
    // What a crash left half written was never committed to.
    if (!key.ok() || !text.ok() ||
        !IsReadable(json::parse(*text, nullptr, false), training.trial,
                    training.seen)) {
      fs::remove_all(entry.path(), error);
      continue;
    }
    for (size_t k = 0; k < training.seen.size(); ++k) {
      const auto boundary = static_cast<int64_t>(k);
      if (IsThere(FilePathOf(*key, boundary, kWeights),
                  training.seen[k].weights_size_bytes)) {
        training.bytes += SizeOf(training.seen[k]);
      }
    }
    trainings_[*key] = std::move(training);
  }
  return absl::OkStatus();
}

std::vector<CheckpointFiles> CheckpointVault::FilesOf(const Digest& key) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = trainings_.find(key);
  if (found == trainings_.end()) return {};
  return found->second.seen;
}

std::optional<Checkpoint> CheckpointVault::LatestOf(const Digest& key) const {
  const std::vector<CheckpointFiles> seen = FilesOf(key);
  for (auto boundary = static_cast<int64_t>(seen.size()) - 1; boundary >= 0;
       --boundary) {
    const CheckpointFiles& files = seen[static_cast<size_t>(boundary)];
    const auto weights =
        ReadFile(FilePathOf(key, boundary, kWeights), files.weights_size_bytes);
    const auto optimizer = ReadFile(FilePathOf(key, boundary, kOptimizer),
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

absl::Status CheckpointVault::Add(const Digest& key,
                                  const Checkpoint& checkpoint) {
  const CheckpointBytes bytes = SerializeCheckpoint(checkpoint);
  const CheckpointFiles files =
      archpool::FilesOf(bytes.weights, bytes.optimizer);
  const absl::MutexLock lock(&mutex_);
  const auto [found, is_new] = trainings_.try_emplace(key);
  Training& training = found->second;
  if (is_new) {
    training.age_order = ++trainings_begun_;
    ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(PathOf(key, "")));
  }
  const auto boundary = static_cast<size_t>(checkpoint.boundary);
  if (boundary < training.seen.size() && training.seen[boundary] != files) {
    return FailedPrecondition(
        "TRAINING_NOT_REPEATABLE",
        absl::StrCat(
            "checkpoint ", checkpoint.boundary,
            " of a training done again is not what it was: this "
            "machine's arithmetic cannot be audited; check its memory, "
            "and keep --threads and the instruction set as they were"));
  }
  const bool was_there = IsThere(FilePathOf(key, checkpoint.boundary, kWeights),
                                 files.weights_size_bytes);
  ARCHPOOL_RETURN_IF_ERROR(
      WriteFile(FilePathOf(key, checkpoint.boundary, kWeights), bytes.weights));
  ARCHPOOL_RETURN_IF_ERROR(WriteFile(
      FilePathOf(key, checkpoint.boundary, kOptimizer), bytes.optimizer));
  if (!was_there) training.bytes += SizeOf(files);
  if (boundary == training.seen.size()) {
    training.seen.push_back(files);
    ARCHPOOL_RETURN_IF_ERROR(WriteIndex(key, training));
  }
  MakeRoom(key);
  return absl::OkStatus();
}

absl::Status CheckpointVault::Keep(const Digest& key, TrialId trial) {
  const absl::MutexLock lock(&mutex_);
  const auto found = trainings_.find(key);
  if (found == trainings_.end()) return absl::OkStatus();
  found->second.trial = trial;
  return WriteIndex(key, found->second);
}

void CheckpointVault::Remove(const Digest& key) {
  const absl::MutexLock lock(&mutex_);
  std::error_code ignored;
  fs::remove_all(PathOf(key, ""), ignored);
  trainings_.erase(key);
}

void CheckpointVault::RemoveUnkept() {
  const absl::MutexLock lock(&mutex_);
  std::erase_if(trainings_, [this](const auto& entry) {
    if (entry.second.trial.IsSet()) return false;
    std::error_code ignored;
    fs::remove_all(PathOf(entry.first, ""), ignored);
    return true;
  });
}

std::map<TrialId, Digest> CheckpointVault::Kept() const {
  const absl::MutexLock lock(&mutex_);
  std::map<TrialId, Digest> kept;
  for (const auto& [key, training] : trainings_) {
    if (training.trial.IsSet()) kept[training.trial] = key;
  }
  return kept;
}

absl::StatusOr<UploadSource> CheckpointVault::WeightsAt(
    const Digest& key, int64_t boundary) const {
  const std::vector<CheckpointFiles> seen = FilesOf(key);
  const std::string path = FilePathOf(key, boundary, kWeights);
  if (boundary >= std::ssize(seen)) return Lost(key, boundary);
  const CheckpointFiles& files = seen[static_cast<size_t>(boundary)];
  if (!IsThere(path, files.weights_size_bytes)) return Lost(key, boundary);
  return UploadSource{path, files.weights, files.weights_size_bytes};
}

absl::StatusOr<UploadSource> CheckpointVault::OptimizerAt(
    const Digest& key, int64_t boundary) const {
  const std::vector<CheckpointFiles> seen = FilesOf(key);
  const std::string path = FilePathOf(key, boundary, kOptimizer);
  if (boundary >= std::ssize(seen)) return Lost(key, boundary);
  const CheckpointFiles& files = seen[static_cast<size_t>(boundary)];
  if (!IsThere(path, files.optimizer_size_bytes)) return Lost(key, boundary);
  return UploadSource{path, files.optimizer, files.optimizer_size_bytes};
}

std::string CheckpointVault::PathOf(const Digest& key,
                                    absl::string_view name) const {
  return absl::StrCat(directory_, "/", key.ToString(), "/", name);
}

std::string CheckpointVault::FilePathOf(const Digest& key, int64_t boundary,
                                        absl::string_view part) const {
  return PathOf(key, absl::StrCat(boundary, ".", part));
}

absl::Status CheckpointVault::WriteIndex(const Digest& key,
                                         const Training& training) const {
  json checkpoints = json::array();
  for (const CheckpointFiles& files : training.seen) {
    checkpoints.push_back({files.weights.ToString(), files.weights_size_bytes,
                           files.optimizer.ToString(),
                           files.optimizer_size_bytes});
  }
  const json index{{"trial_id", training.trial.value},
                   {"checkpoints", std::move(checkpoints)}};
  // Whole or not at all, for a process that is killed.
  const std::string path = PathOf(key, kIndex);
  const std::string part = absl::StrCat(path, ".part");
  ARCHPOOL_RETURN_IF_ERROR(WriteFile(part, index.dump()));
  std::error_code error;
  fs::rename(part, path, error);
  if (!error) return absl::OkStatus();
  return FailedPrecondition("FILE_UNWRITABLE",
                            absl::StrCat(path, ": ", error.message()));
}

void CheckpointVault::MakeRoom(const Digest& but) {
  int64_t bytes = 0;
  std::vector<std::pair<int64_t, Digest>> by_age;
  for (const auto& [key, training] : trainings_) {
    bytes += training.bytes;
    if (key != but) by_age.push_back({training.age_order, key});
  }
  if (bytes <= bytes_max_) return;
  std::sort(by_age.begin(), by_age.end());
  std::error_code ignored;
  for (const auto& [age, key] : by_age) {
    if (bytes <= bytes_max_) return;
    Training& training = trainings_[key];
    bytes -= training.bytes;
    training.bytes = 0;
    if (!training.trial.IsSet()) {  // nobody will ask for it
      fs::remove_all(PathOf(key, ""), ignored);
      trainings_.erase(key);
      continue;
    }
    for (int64_t k = 0; k < std::ssize(training.seen); ++k) {
      fs::remove(FilePathOf(key, k, kWeights), ignored);
      fs::remove(FilePathOf(key, k, kOptimizer), ignored);
    }
  }
}

}  // namespace archpool
