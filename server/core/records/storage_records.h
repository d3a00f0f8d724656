// SPDX-License-Identifier: Apache-2.0
// Who has which bytes on the pool's disk. Part of
// server/core/records/entities.h, which says what records are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_STORAGE_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_STORAGE_RECORDS_H_

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "common/crypto/sha256.h"
#include "common/model/ids.h"

namespace archpool {

// A file that an account sent for its datasets. Where several sent the same one
// the disk has it once, and each of them has it in full: each could be the only
// one tomorrow, and nobody learns from a smaller count that another has it.
struct StoredFile {
  AccountId account;
  Digest digest;
  int64_t size_bytes = 0;
  absl::Time create_time;

  friend bool operator==(const StoredFile&, const StoredFile&) = default;
};

// What an account has stored in all. There is one from its first file on.
struct StorageUse {
  AccountId account;
  // By its own choice: StoredFiles, and the splits of its datasets.
  int64_t file_bytes = 0;
  // Because the pool asked for it: the weights of its trials. Checkpoints go
  // with their audit, which says what there is of them.
  int64_t weight_bytes = 0;

  friend bool operator==(const StorageUse&, const StorageUse&) = default;
};

// What a file counts that was stored by choice: a tiny one takes a row, a name
// and a place in memory as well.
inline constexpr int64_t kFileBytesMin = int64_t{1} << 20;
inline int64_t CountedBytes(int64_t size_bytes) {
  return std::max(size_bytes, kFileBytesMin);
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_STORAGE_RECORDS_H_
