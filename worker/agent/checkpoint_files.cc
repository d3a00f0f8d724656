// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/checkpoint_files.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kIndexBytesMax = 1 << 20;

std::string IndexPath(const std::string& directory) {
  return absl::StrCat(directory, "/", kCheckpointIndex);
}

bool IsOwnFile(const std::string& name) {
  if (name == kCheckpointIndex ||
      name == absl::StrCat(kCheckpointIndex, ".part")) {
    return true;
  }
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  int64_t boundary = 0;
  return parts.size() == 2 && absl::SimpleAtoi(parts[0], &boundary) &&
         boundary >= 0 &&
         (parts[1] == kCheckpointWeights || parts[1] == kCheckpointOptimizer);
}

}  // namespace

std::optional<CheckpointIndex> ReadCheckpointIndex(
    const std::string& directory) {
  const auto text = ReadFile(IndexPath(directory), kIndexBytesMax);
  if (!text.ok()) return std::nullopt;
  CheckpointIndex read;
  try {
    const json index = json::parse(*text);
    read.kept_for.value = index.at("trial_id").get<int64_t>();
    if (read.kept_for.value < 0) return std::nullopt;
    for (const json& one : index.at("checkpoints")) {
      const auto weights = Digest::Parse(one.at(0).get<std::string>());
      const auto optimizer = Digest::Parse(one.at(2).get<std::string>());
      const auto weights_bytes = one.at(1).get<int64_t>();
      const auto optimizer_bytes = one.at(3).get<int64_t>();
      if (!weights.ok() || !optimizer.ok() || weights_bytes < 0 ||
          optimizer_bytes < 0) {
        return std::nullopt;
      }
      read.seen.push_back(
          {*weights, weights_bytes, *optimizer, optimizer_bytes});
    }
  } catch (const json::exception&) {
    return std::nullopt;
  }
  return read;
}

absl::Status WriteCheckpointIndex(const std::string& directory,
                                  const CheckpointIndex& index) {
  json checkpoints = json::array();
  for (const CheckpointFiles& files : index.seen) {
    checkpoints.push_back({files.weights.ToString(), files.weights_size_bytes,
                           files.optimizer.ToString(),
                           files.optimizer_size_bytes});
  }
  const json written{{"trial_id", index.kept_for.value},
                     {"checkpoints", std::move(checkpoints)}};
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory));
  const std::string path = IndexPath(directory);
  const std::string part = absl::StrCat(path, ".part");
  ARCHPOOL_RETURN_IF_ERROR(WriteCheckpointFile(part, written.dump()));
  std::error_code error;
  fs::rename(part, path, error);
  if (!error) return absl::OkStatus();
  return FailedPrecondition("FILE_UNWRITABLE",
                            absl::StrCat(path, ": ", error.message()));
}

std::string CheckpointPath(const std::string& directory, int64_t boundary,
                           absl::string_view part) {
  return absl::StrCat(directory, "/", boundary, ".", part);
}

absl::Status WriteCheckpointFile(const std::string& path,
                                 absl::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return absl::OkStatus();
  return ResourceExhausted(
      "DISK_FULL", absl::StrCat(path,
                                " cannot be written: make room, or lower "
                                "--checkpoints-mib"));
}

bool IsCheckpointFileThere(const std::string& path, int64_t size_bytes) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return !error && static_cast<int64_t>(size) == size_bytes;
}

void RemoveCheckpointDirectory(const std::string& directory) {
  std::error_code ignored;
  std::vector<fs::path> own;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(directory, ignored)) {
    if (IsOwnFile(entry.path().filename().string())) {
      own.push_back(entry.path());
    }
  }
  for (const fs::path& file : own) fs::remove(file, ignored);
  fs::remove(directory, ignored);
}

}  // namespace archpool
