// SPDX-License-Identifier: Apache-2.0
// The files of checkpoints that audits asked for: a blob store for each trial,
// dropped as a whole when its audit is over. Apart from all other blobs: a
// miner may name any digest, a dataset's too. Thread-safe.
#ifndef ARCHPOOL_SERVER_STORAGE_CHECKPOINT_BLOBS_H_
#define ARCHPOOL_SERVER_STORAGE_CHECKPOINT_BLOBS_H_

#include <string>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/model/ids.h"
#include "server/storage/blob_store.h"

namespace archpool {

class CheckpointBlobs {
 public:
  // `directory` is made where it is missing, with the first file.
  explicit CheckpointBlobs(std::string directory,
                           StorageErrors* errors = nullptr)
      : directory_(std::move(directory)), errors_(errors) {}

  // Errors of StorageError, which `errors` hears of. What is dropped meanwhile
  // is UPLOAD_NOT_WANTED.
  absl::StatusOr<BlobStore> Of(TrialId trial) const;
  // Idempotent. Reads and writes of them at that moment fail.
  void Drop(TrialId trial) const;
  // What a server that ended left of all but these.
  void DropAllBut(const absl::btree_set<TrialId>& kept) const;
  // Whether something can be written here.
  absl::Status Probe() const;

 private:
  std::string PathOf(TrialId trial) const;
  std::string directory_;
  StorageErrors* errors_;  // nullptr: nobody listens
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_CHECKPOINT_BLOBS_H_
