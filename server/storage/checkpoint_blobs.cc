#include "server/storage/checkpoint_blobs.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace archpool {

std::string CheckpointBlobs::PathOf(TrialId trial) const {
  return absl::StrCat(directory_, "/", trial.value);
}

absl::StatusOr<BlobStore> CheckpointBlobs::Of(TrialId trial) const {
  return BlobStore::Open(PathOf(trial), errors_);
}

absl::Status CheckpointBlobs::Probe() const {
  const std::string path = directory_ + "/probe";
  const absl::StatusOr<BlobStore> store = BlobStore::Open(path, errors_);
  const absl::Status tried = store.ok() ? store->Probe() : store.status();
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
  return tried;
}

void CheckpointBlobs::Drop(TrialId trial) const {
  std::error_code ignored;
  std::filesystem::remove_all(PathOf(trial), ignored);
}

void CheckpointBlobs::DropAllBut(const absl::btree_set<TrialId>& kept) const {
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory_, ignored)) {
    int64_t id = 0;
    if (absl::SimpleAtoi(entry.path().filename().string(), &id) &&
        !kept.contains(TrialId{id})) {
      Drop(TrialId{id});
    }
  }
}

}  // namespace archpool
