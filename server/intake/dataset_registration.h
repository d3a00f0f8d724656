// SPDX-License-Identifier: Apache-2.0
// Cuts a client's uploaded files into the splits of a dataset. Reads and writes
// blobs, and takes seconds: run it on an executor, one at a time. Thread-safe.
#ifndef ARCHPOOL_SERVER_INTAKE_DATASET_REGISTRATION_H_
#define ARCHPOOL_SERVER_INTAKE_DATASET_REGISTRATION_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"
#include "common/data/dataset_format.h"
#include "server/core/commands/commands.h"
#include "server/storage/blob_store.h"

namespace archpool {

// Uploaded files and how to cut them.
struct DatasetRequest {
  // REQUIRES: of every key of the train split; of those of the held-out one
  // all, where it has files of its own, or none.
  const DatasetFormat* format = nullptr;
  DatasetDigests files;
  int64_t classes = 0;
  int64_t validation_count = 0;
  int64_t held_out_count = 0;
};

// Asked, before anything is written, for what the splits add to the disk: they
// may be there already. An error ends the registration.
using MayStore = std::function<absl::Status(int64_t bytes)>;

// The command that registers the dataset; its three blobs are durable. The draw
// of the splits is keyed by `pool_secret`, the caller and the request, so that
// equal requests of one account make the same dataset and nobody can foresee
// it. NOT_FOUND (BLOB_UNKNOWN): a file was not uploaded. INVALID_ARGUMENT:
// those of the format and of
// SplitDataset, and FILE_REPEATED. `may_store`'s errors; nullptr: it may.
// `held` is given the files and the splits: until the command is committed,
// they are not removed.
absl::StatusOr<RegisterDataset> PrepareDataset(const BlobStore& blobs,
                                               const DatasetRequest& request,
                                               AccountId caller,
                                               const Digest& pool_secret,
                                               const MayStore& may_store,
                                               std::vector<BlobHold>& held);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_INTAKE_DATASET_REGISTRATION_H_
