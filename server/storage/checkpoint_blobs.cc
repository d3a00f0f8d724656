// SPDX-License-Identifier: Apache-2.0
#include "server/storage/checkpoint_blobs.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/random.h"

namespace archpool {
namespace {

constexpr char kDropped[] = ".dropped";

}  // namespace

std::string CheckpointBlobs::PathOf(TrialId trial) const {
  return absl::StrCat(directory_, "/", trial.value);
}

absl::StatusOr<BlobStore> CheckpointBlobs::Of(TrialId trial) const {
  return BlobStore::Open(PathOf(trial), errors_,
                         BlobStore::Lifetime::kMayBeDropped);
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
  // Gone by one step: another thread at work in it finds nothing of it, and not
  // a part.
  const std::string dropped = absl::StrCat(
      PathOf(trial), ".", RandomSecret().ToString().substr(0, 16), kDropped);
  std::error_code ignored;
  std::filesystem::rename(PathOf(trial), dropped, ignored);
  std::filesystem::remove_all(dropped, ignored);
}

void CheckpointBlobs::DropAllBut(const absl::btree_set<TrialId>& kept) const {
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory_, ignored)) {
    const std::string name = entry.path().filename().string();
    int64_t id = 0;
    if (absl::EndsWith(name, kDropped)) {
      std::filesystem::remove_all(entry.path(), ignored);
    } else if (absl::SimpleAtoi(name, &id) && !kept.contains(TrialId{id})) {
      Drop(TrialId{id});
    }
  }
}

}  // namespace archpool
