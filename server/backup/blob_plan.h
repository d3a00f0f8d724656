// SPDX-License-Identifier: Apache-2.0
// Which blobs a backup still has to copy. Pure, as far as its arguments are;
// thread-safe.
#ifndef ARCHPOOL_SERVER_BACKUP_BLOB_PLAN_H_
#define ARCHPOOL_SERVER_BACKUP_BLOB_PLAN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "common/crypto/sha256.h"
#include "server/backup/manifest.h"
#include "server/storage/postgres/database_snapshot.h"

namespace archpool {

struct BlobPlan {
  std::vector<ListedBlob> kept;    // that earlier backups have
  std::vector<ListedBlob> copied;  // that the pool has, and no earlier backup
  // That the pool needs, and nobody has.
  std::vector<Digest> lost;
  // That nobody has, and nobody needs: the weights of trials that no audit
  // drew, or that are not sent yet.
  int64_t unneeded = 0;

  int64_t CopiedBytes() const;
};

// A blob's size where it is; nullopt where it is not.
using BlobSize = std::function<std::optional<int64_t>(const Digest&)>;

// `earlier`: the blobs of a complete backup, in order; they are kept where
// `kept_size` says that they are there, whole. `named` is in order.
BlobPlan PlanBlobs(const std::vector<NamedBlob>& named,
                   const std::vector<ListedBlob>& earlier,
                   const BlobSize& kept_size, const BlobSize& pool_size);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_BACKUP_BLOB_PLAN_H_
