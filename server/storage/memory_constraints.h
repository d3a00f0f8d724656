// SPDX-License-Identifier: Apache-2.0
// The constraints of migrations/, for the store in memory. Functions; as
// thread-safe as the tables that they are given.
#ifndef ARCHPOOL_SERVER_STORAGE_MEMORY_CONSTRAINTS_H_
#define ARCHPOOL_SERVER_STORAGE_MEMORY_CONSTRAINTS_H_

#include <string>
#include <variant>
#include <vector>

#include "server/core/records/entities.h"
#include "server/storage/memory_tables.h"

namespace archpool::memory {

template <typename Kinds>
struct PointerToOneOf;
template <typename... Records>
struct PointerToOneOf<std::variant<Records...>> {
  using Type = std::variant<const Records*...>;
};

// A record of any kind, not owned. The kinds without constraints need no
// mention: memory_constraints.cc has overloads for the others.
using AnyRecord = PointerToOneOf<Event>::Type;

// What the record claims for itself while it is in the tables.
std::vector<UniqueKey> UniqueKeysOf(AnyRecord record);

// The name of the constraint in SQL that the record, which is in `tables` with
// its claims, breaks; or "".
std::string BrokenConstraint(const Tables& tables, AnyRecord record);

}  // namespace archpool::memory

#endif  // ARCHPOOL_SERVER_STORAGE_MEMORY_CONSTRAINTS_H_
