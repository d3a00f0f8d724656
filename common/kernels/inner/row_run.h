// SPDX-License-Identifier: Apache-2.0
// Where the runs of a block of sums begin and end (docs/arithmetic.md, "Blocked
// sums"). Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_ROW_RUN_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_ROW_RUN_H_

#include <cstdint>

#include "common/kernels/inner/passes.h"

namespace archpool::kernels {

// The run of a block that a row lies in: its chains begin and end with it.
struct RowRun {
  int64_t first_row = 0;
  int64_t end_row = 0;
};
inline RowRun RunAt(const DenseSumsPass& pass, int64_t row) {
  const int64_t first = row - (row - pass.block_first_row) % pass.rows_per_run;
  const int64_t end = first + pass.rows_per_run;
  return {first, end < pass.block_end_row ? end : pass.block_end_row};
}

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_ROW_RUN_H_
