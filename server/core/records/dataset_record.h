// SPDX-License-Identifier: Apache-2.0
// The record of a registered dataset. Part of server/core/records/entities.h,
// which says what records are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_DATASET_RECORD_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_DATASET_RECORD_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "common/crypto/sha256.h"
#include "common/model/dataset_manifest.h"
#include "common/model/ids.h"

namespace archpool {

// A registered dataset. `held_out` is kept out of the public manifest.
struct DatasetRecord {
  Digest id;  // manifest.Id()
  AccountId owner;
  DatasetManifest manifest;
  Digest held_out;  // of the held-out split's blob
  // When it was last registered; unset: by a server that did not note it.
  std::optional<absl::Time> register_time;
  // What its splits count to its owner, once dropped what they did.
  int64_t stored_bytes = 0;
  // Its splits are no longer kept, since nobody opened a task on it for long;
  // no task may be until it is registered again.
  std::optional<absl::Time> drop_time;
  // What the draw of its splits from its owner's files follows from
  // (SplitDataset); unset: it was registered by a server that did not note it.
  std::optional<Digest> split_key;

  friend bool operator==(const DatasetRecord&, const DatasetRecord&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_DATASET_RECORD_H_
