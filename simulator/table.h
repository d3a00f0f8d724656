// SPDX-License-Identifier: Apache-2.0
// Benchmark tables: what training each architecture of a space would give.
// Value types; thread-compatible.
#ifndef ARCHPOOL_SIMULATOR_TABLE_H_
#define ARCHPOOL_SIMULATOR_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/nas/search_space.h"

namespace archpool {

// What is read of a table's row.
struct TableColumns {
  std::string metric;   // what miners report and the pool sees
  std::string judge;    // what the result is read from
  std::string seconds;  // training time; empty: every training takes the same
};

// Accuracies as shares of 1, whether the file has those or percent; training
// times as multiples of the table's mean.
struct Outcome {
  double metric = 0;
  double judge = 0;
  double duration = 1;
};

struct Table {
  std::vector<Outcome> outcomes;  // by rank
  bool is_percent = false;
};

// Reads a CSV with a header line: one column per dimension of `space` (the
// choice's name or index), or one column "arch" with a digit per dimension (its
// choice's index); other columns hold numbers. Every architecture must have one
// row. INVALID_ARGUMENT (TABLE_MALFORMED): the message names the line.
absl::StatusOr<Table> ParseTable(absl::string_view csv,
                                 const SearchSpace& space,
                                 const TableColumns& columns);
absl::StatusOr<Table> ReadTable(const std::string& path,
                                const SearchSpace& space,
                                const TableColumns& columns);

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_TABLE_H_
