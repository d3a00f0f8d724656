// SPDX-License-Identifier: Apache-2.0
// The inputs of the core about what lies on the pool's disk. Part of
// server/core/commands/commands.h, which says what commands are.
#ifndef ARCHPOOL_SERVER_CORE_COMMANDS_STORAGE_COMMANDS_H_
#define ARCHPOOL_SERVER_CORE_COMMANDS_STORAGE_COMMANDS_H_

#include <cstdint>
#include <optional>

#include "common/crypto/sha256.h"
#include "common/model/ids.h"

namespace archpool {

// Whether the caller may store these bytes too by its own choice: a file of
// a dataset (`file`; one that it has already costs nothing), or splits. Changes
// nothing. RESOURCE_EXHAUSTED (STORAGE_QUOTA). What the pool asks miners for is
// taken without asking.
struct AskForRoom {
  AccountId caller;
  std::optional<Digest> file = std::nullopt;
  int64_t bytes = 0;
  struct Reply {};
};

// The caller's file of a dataset is durable. Idempotent.
struct ConfirmFile {
  AccountId caller;
  Digest digest;
  int64_t size_bytes = 0;
  struct Reply {};
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_COMMANDS_STORAGE_COMMANDS_H_
