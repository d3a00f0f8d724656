// SPDX-License-Identifier: Apache-2.0
// What MemoryStore keeps: the records of a pool, and what they claim of what
// only one may have. Value types; thread-compatible.
#ifndef ARCHPOOL_SERVER_STORAGE_MEMORY_TABLES_H_
#define ARCHPOOL_SERVER_STORAGE_MEMORY_TABLES_H_

#include <cstdint>
#include <string>

#include "absl/container/btree_map.h"
#include "server/core/records/keys.h"

namespace archpool::memory {

// What no other record may claim at the same time.
struct UniqueKey {
  std::string constraint;
  std::string value;
  friend auto operator<=>(const UniqueKey&, const UniqueKey&) = default;
};

struct Tables : RecordMaps<Event> {
  // How many records claim a key.
  absl::btree_map<UniqueKey, int64_t> claims;
};

}  // namespace archpool::memory

#endif  // ARCHPOOL_SERVER_STORAGE_MEMORY_TABLES_H_
