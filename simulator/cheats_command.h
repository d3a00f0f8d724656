// SPDX-License-Identifier: Apache-2.0
// archpool-sim cheats: what cheating brings, as a table.
#ifndef ARCHPOOL_SIMULATOR_CHEATS_COMMAND_H_
#define ARCHPOOL_SIMULATOR_CHEATS_COMMAND_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace archpool {

struct CheatsFlags {
  int64_t runs = 1'000;  // of each cheat
  int64_t duration = 160;
  std::string only;      // a word that a cheat's name holds; empty: all
  bool clients = false;  // those of clients, instead of miners
};

void AddCheatsFlags(CLI::App& app, CheatsFlags& flags);

// The exit code: 1 where some cheat pays, or honest work is not paid.
int Cheats(const CheatsFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_CHEATS_COMMAND_H_
