// SPDX-License-Identifier: Apache-2.0
#include "server/backup/blob_plan.h"

namespace archpool {

int64_t BlobPlan::CopiedBytes() const {
  int64_t bytes = 0;
  for (const ListedBlob& blob : copied) bytes += blob.size_bytes;
  return bytes;
}

BlobPlan PlanBlobs(const std::vector<NamedBlob>& named,
                   const std::vector<ListedBlob>& earlier,
                   const BlobSize& kept_size, const BlobSize& pool_size) {
  BlobPlan plan;
  auto before = earlier.begin();
  for (const NamedBlob& blob : named) {
    while (before != earlier.end() && before->digest < blob.digest) ++before;
    // What a backup that was cut off left is not trusted: it may not have
    // reached the disk.
    if (before != earlier.end() && before->digest == blob.digest &&
        kept_size(blob.digest) == before->size_bytes) {
      plan.kept.push_back(*before);
      continue;
    }
    if (const std::optional<int64_t> size = pool_size(blob.digest)) {
      plan.copied.push_back({blob.digest, *size});
    } else if (blob.is_needed) {
      plan.lost.push_back(blob.digest);
    } else {
      ++plan.unneeded;
    }
  }
  return plan;
}

}  // namespace archpool
