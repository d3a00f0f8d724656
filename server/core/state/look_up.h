// SPDX-License-Identifier: Apache-2.0
// What a command has to be told of what the core no longer holds: what its
// request id became long ago, and the dataset that it names. The owner of a
// pool looks it up just before the command is executed, with nothing in
// between: the engine in its store, tests and simulators in a record of all
// events. What the pool holds is not looked up, for the archive may not have it
// yet.
#ifndef ARCHPOOL_SERVER_CORE_STATE_LOOK_UP_H_
#define ARCHPOOL_SERVER_CORE_STATE_LOOK_UP_H_

#include "absl/status/status.h"
#include "server/core/commands/commands.h"
#include "server/core/records/archive.h"
#include "server/core/state/pool_state.h"

namespace archpool {

// Most commands need nothing.
template <typename Command>
absl::Status LookUp(const PoolState&, Archive&, Command&) {
  return absl::OkStatus();
}

// Each sets what the command says of the archive. An error is the archive's:
// the command may not be executed.
absl::Status LookUp(const PoolState& state, Archive& archive,
                    SubmitTask& command);
absl::Status LookUp(const PoolState& state, Archive& archive, Deposit& command);
absl::Status LookUp(const PoolState& state, Archive& archive,
                    RequestPayout& command);
absl::Status LookUp(const PoolState& state, Archive& archive,
                    RegisterDataset& command);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_LOOK_UP_H_
