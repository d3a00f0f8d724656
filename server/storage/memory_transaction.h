// SPDX-License-Identifier: Apache-2.0
// One transaction on the tables of MemoryStore. Not thread-safe.
#ifndef ARCHPOOL_SERVER_STORAGE_MEMORY_TRANSACTION_H_
#define ARCHPOOL_SERVER_STORAGE_MEMORY_TRANSACTION_H_

#include <string>

#include "absl/types/span.h"
#include "server/core/records/entities.h"
#include "server/storage/memory_tables.h"

namespace archpool::memory {

// Applies `events` in order, the last of each record counting. Where that would
// break a constraint, changes nothing and returns its name; otherwise "".
std::string Apply(Tables& tables, absl::Span<const Event> events);

}  // namespace archpool::memory

#endif  // ARCHPOOL_SERVER_STORAGE_MEMORY_TRANSACTION_H_
