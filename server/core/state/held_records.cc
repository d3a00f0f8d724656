// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/held_records.h"

#include <iterator>

namespace archpool {

HeldRecords CountHeld(const PoolState& state) {
  return {{"accounts", std::ssize(state.accounts().all())},
          {"tasks", std::ssize(state.tasks().all())},
          {"subspaces", state.tasks().box_count()},
          {"trials", state.tasks().trial_count()},
          {"sessions", std::ssize(state.sessions().all())},
          {"leases", std::ssize(state.leases().all())},
          {"audits", std::ssize(state.audits().all())},
          {"files", std::ssize(state.files())},
          {"invitations", std::ssize(state.invitations())},
          {"tokens", std::ssize(state.tokens())},
          {"requests", static_cast<int64_t>(state.requests().size())}};
}

}  // namespace archpool
