// SPDX-License-Identifier: Apache-2.0
// Which blobs somebody works with: while somebody does, a blob is not removed,
// and while it is removed, a thread that wants to begin waits until it is gone.
// Without it, an upload could be told that its file is here, and a collector
// that found no record of it a moment before could remove it. Thread-safe.
#ifndef ARCHPOOL_SERVER_STORAGE_BLOB_HOLDS_H_
#define ARCHPOOL_SERVER_STORAGE_BLOB_HOLDS_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/synchronization/mutex.h"
#include "common/crypto/sha256.h"

namespace archpool {

class BlobHolds {
 public:
  // Waits while it is being removed: for a few statements of the database.
  void Take(const Digest& blob) ABSL_LOCKS_EXCLUDED(mutex_);
  void Release(const Digest& blob) ABSL_LOCKS_EXCLUDED(mutex_);
  // False: somebody holds it, or removes it.
  bool TryRemove(const Digest& blob) ABSL_LOCKS_EXCLUDED(mutex_);
  void EndRemoval(const Digest& blob) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  static constexpr int64_t kIsRemoved = -1;

  absl::Mutex mutex_;
  // How many hold it, or kIsRemoved; never 0.
  absl::btree_map<Digest, int64_t> held_ ABSL_GUARDED_BY(mutex_);
};

// Holds one blob for as long as it lives. Movable.
class BlobHold {
 public:
  BlobHold(std::shared_ptr<BlobHolds> holds, const Digest& blob)
      : holds_(std::move(holds)), blob_(blob) {
    holds_->Take(blob_);
  }
  BlobHold(BlobHold&& other) noexcept = default;
  BlobHold& operator=(BlobHold&& other) noexcept {
    std::swap(holds_, other.holds_);
    std::swap(blob_, other.blob_);
    return *this;
  }
  ~BlobHold() {
    if (holds_ != nullptr) holds_->Release(blob_);
  }

 private:
  std::shared_ptr<BlobHolds> holds_;  // nullptr: moved from
  Digest blob_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_BLOB_HOLDS_H_
