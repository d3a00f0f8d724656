// SPDX-License-Identifier: Apache-2.0
#include "server/storage/blob_holds.h"

#include "common/base/check.h"

namespace archpool {

void BlobHolds::Take(const Digest& blob) {
  absl::MutexLock lock(&mutex_);
  const auto is_free = [this, &blob]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const auto found = held_.find(blob);
    return found == held_.end() || found->second != kIsRemoved;
  };
  mutex_.Await(absl::Condition(&is_free));
  ++held_[blob];
}

void BlobHolds::Release(const Digest& blob) {
  absl::MutexLock lock(&mutex_);
  const auto found = held_.find(blob);
  ARCHPOOL_CHECK(found != held_.end() && found->second > 0);
  if (--found->second == 0) held_.erase(found);
}

bool BlobHolds::TryRemove(const Digest& blob) {
  absl::MutexLock lock(&mutex_);
  return held_.emplace(blob, kIsRemoved).second;
}

void BlobHolds::EndRemoval(const Digest& blob) {
  absl::MutexLock lock(&mutex_);
  const auto found = held_.find(blob);
  ARCHPOOL_CHECK(found != held_.end() && found->second == kIsRemoved);
  held_.erase(found);
}

}  // namespace archpool
