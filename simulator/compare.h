// SPDX-License-Identifier: Apache-2.0
// The experiments of docs/results.md: pool against individuals, completion with
// and without backups, lies and losses.
#ifndef ARCHPOOL_SIMULATOR_COMPARE_H_
#define ARCHPOOL_SIMULATOR_COMPARE_H_

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"

namespace archpool {

struct CompareFlags {
  std::string space;
  std::string table;
  std::string out;
  int64_t seeds = 100;
};

void AddCompareFlags(CLI::App& app, CompareFlags& flags);

// Writes OUT.json and OUT.csv, and prints a table. The program's exit status.
int Compare(const CompareFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_COMPARE_H_
