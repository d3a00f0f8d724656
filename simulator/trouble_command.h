// SPDX-License-Identifier: Apache-2.0
// archpool-sim trouble: whether honest work is paid whatever happens.
#ifndef ARCHPOOL_SIMULATOR_TROUBLE_COMMAND_H_
#define ARCHPOOL_SIMULATOR_TROUBLE_COMMAND_H_

#include <CLI/CLI.hpp>
#include <cstdint>

#include "simulator/trouble.h"

namespace archpool {

struct TroubleFlags {
  uint64_t seed = 1;
  int64_t seeds = 40;
  int64_t hours = 8;
  TroubleOptions options;
};

void AddTroubleFlags(CLI::App& app, TroubleFlags& flags);

// The exit code: 1 where an oracle found a violation.
int Trouble(const TroubleFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_TROUBLE_COMMAND_H_
