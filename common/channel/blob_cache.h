// SPDX-License-Identifier: Apache-2.0
// Blobs on this machine's disk, by digest. A blob that was cut off while it
// came is continued, not fetched again; one whose bytes are not what its
// digest says is dropped. Thread-compatible; one process per directory
// (DirectoryLock).
#ifndef ARCHPOOL_COMMON_CHANNEL_BLOB_CACHE_H_
#define ARCHPOOL_COMMON_CHANNEL_BLOB_CACHE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/sha256.h"

namespace archpool {

// Takes the next bytes of a blob of `size_bytes` in all; an error ends the
// reading.
using BlobSink =
    std::function<absl::Status(absl::string_view data, int64_t size_bytes)>;
// Hands the bytes from `offset_bytes` on to `sink`, in order.
using BlobReader =
    std::function<absl::Status(int64_t offset_bytes, const BlobSink& sink)>;

class BlobCache {
 public:
  // Blobs lie in `directory`; those used longest ago are removed where all
  // together pass `capacity_bytes`.
  BlobCache(std::string directory, int64_t capacity_bytes);

  // The blob named `digest`, fetched through `read` where it is not here.
  // INVALID_ARGUMENT (BLOB_TOO_LARGE: over `size_bytes_max`;
  // BLOB_DIGEST_MISMATCH: `read` gave other bytes); `read`'s and the disk's
  // errors.
  absl::StatusOr<std::string> Get(const Digest& digest, int64_t size_bytes_max,
                                  const BlobReader& read);

 private:
  std::string PathOf(const Digest& digest) const;
  // The cached blob, or "" where there is none that is whole.
  std::string Lookup(const Digest& digest, int64_t size_bytes_max) const;
  absl::Status FetchPart(const std::string& part, int64_t size_bytes_max,
                         const BlobReader& read) const;
  void EvictAllBut(const Digest& digest) const;

  std::string directory_;
  int64_t capacity_bytes_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_BLOB_CACHE_H_
