// SPDX-License-Identifier: Apache-2.0
// The rail that the flags name.
#ifndef ARCHPOOL_SERVER_RAILS_H_
#define ARCHPOOL_SERVER_RAILS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "server/data_directory.h"
#include "server/payout/rail.h"
#include "server/server_flags.h"

namespace archpool {

// nullptr where nothing is to leave the pool. `clock` outlives the rail. The
// rails' errors; INVALID_ARGUMENT (FLAG_RANGE).
absl::StatusOr<std::unique_ptr<Rail>> OpenRail(const ServerFlags& flags,
                                               const Clock& clock,
                                               const DataDirectory& directory);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_RAILS_H_
