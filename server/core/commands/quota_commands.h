// SPDX-License-Identifier: Apache-2.0
// The input of the core about quotas. Part of server/core/commands/commands.h,
// which says what commands are.
#ifndef ARCHPOOL_SERVER_CORE_COMMANDS_QUOTA_COMMANDS_H_
#define ARCHPOOL_SERVER_CORE_COMMANDS_QUOTA_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "server/core/records/entities.h"

namespace archpool {

// Idempotent; says what the account has and may have even where nothing is set.
// NOT_FOUND (ACCOUNT_UNKNOWN).
struct SetQuotas {
  std::string name;
  // What stays unset stays as it is.
  std::optional<int64_t> open_tasks;
  std::optional<int64_t> leases;
  std::optional<int64_t> sessions;
  std::optional<int64_t> stored_bytes;
  std::optional<std::string> group;  // "": it leaves the one that it is in
  AccountId by = {};                 // as in CreateAccount
  struct Line {
    int64_t held = 0;
    int64_t max = 0;
  };
  struct Reply {
    Account account;
    Line open_tasks;
    Line leases;
    Line sessions;
    // All that it has stored; the limit is of what it stores by its own choice.
    Line stored_bytes;
    Line subspaces_opened;  // within the hour, like the next
    Line sessions_opened;
    absl::Duration pause_left;  // until it may take a lease again
    bool is_proven = false;
  };
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_COMMANDS_QUOTA_COMMANDS_H_
