// SPDX-License-Identifier: Apache-2.0
// The pool that a search runs for itself, as its client and its operator see
// it: accounts, coins, the task.
#ifndef ARCHPOOL_CLIENT_SEARCH_POOL_H_
#define ARCHPOOL_CLIENT_SEARCH_POOL_H_

#include <cstdint>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/context.h"
#include "client/search/parts.h"

namespace archpool {

// Calls the pool at a port of this machine, under an account of it.
// Thread-compatible.
class PoolCaller {
 public:
  // `context` says where output goes, and whether as JSON.
  PoolCaller(const Context& context, const std::string& token_file, int port,
             const std::stop_token& stop);
  PoolCaller(const PoolCaller&) = delete;
  PoolCaller& operator=(const PoolCaller&) = delete;

  Context& context() { return context_; }

 private:
  const GlobalFlags flags_;
  Context context_;
};

// Makes the accounts that are missing, each with its token file, and lets the
// client see the miner's name. Idempotent: a token is kept before the pool is
// asked for its account. Errors as NewFile's, and the pool's.
absl::Status PrepareAccounts(Context& op, const search::Folder& folder,
                             int port);

// Gives the client what the task's reward is: the pool's coins are its own.
// Idempotent by `request_id`.
absl::Status DepositReward(Context& op, int64_t reward_micros,
                           const std::string& request_id);

// Ends the client's open tasks, which another takes the place of.
absl::Status GiveUpTasks(Context& client);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_SEARCH_POOL_H_
