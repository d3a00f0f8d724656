// SPDX-License-Identifier: Apache-2.0
// Who has which bytes on the pool's disk. Part of
// server/core/records/entities.h, which says what records are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_STORAGE_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_STORAGE_RECORDS_H_

#include <algorithm>
#include <cstdint>
#include <optional>

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
  absl::Time create_time;  // when it was last sent, to the hour
  // When splits were last cut from it: from then on the dataset needs it no
  // more. Unset: not since it was last sent, as far as is known.
  std::optional<absl::Time> cut_time;
  // The account has it no longer: the record goes (Removable).
  bool is_gone = false;

  friend bool operator==(const StoredFile&, const StoredFile&) = default;
};

// The weights of a trial, which its miner was asked for and sent: they count to
// its account for as long as this record is there. The core does not hold it:
// nothing that it decides reads it but the command that ends it, which brings
// it.
struct StoredWeights {
  TrialId trial;
  AccountId account;
  Digest digest;
  int64_t size_bytes = 0;
  bool is_gone = false;  // the record goes (Removable)

  friend bool operator==(const StoredWeights&, const StoredWeights&) = default;
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
