// SPDX-License-Identifier: Apache-2.0
// What a batch norm computes by channel between its passes over maps, in
// double: docs/arithmetic.md, "Batch norm". Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_NORM_STATISTICS_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_NORM_STATISTICS_H_

#include <cstdint>

namespace archpool::kernels {

// Rows of a block of a batch norm over this many rows; the last may be shorter.
int64_t NormBlockRows(int64_t rows);
int64_t NormBlocks(int64_t rows);

// Two sums of each block and channel, as the passes leave them.
struct NormBlockSums {
  int64_t rows = 0;               // M, of all blocks
  const float* first = nullptr;   // [block][stride]: S, or G
  const float* second = nullptr;  // [block][stride]: T, or H
  int64_t stride = 0;
};

// Arrays are by channel. What lies behind the last channel is left alone.
struct NormStatistics {
  int64_t channels = 0;
  NormBlockSums sums;
  const float* origin = nullptr;  // z
  const float* scale = nullptr;
  const float* running_mean = nullptr;
  const float* running_variance = nullptr;
  float* mean = nullptr;
  float* inverse = nullptr;
  float* factor = nullptr;  // a
  float* next_running_mean = nullptr;
  float* next_running_variance = nullptr;
};
// Whether the next running statistics are finite.
bool FinishNorm(const NormStatistics& statistics);

struct NormGradients {
  int64_t channels = 0;
  NormBlockSums sums;
  const float* scale = nullptr;
  const float* inverse = nullptr;
  float* of_gradient = nullptr;  // b
  float* of_value = nullptr;     // c
  float* constant = nullptr;     // e
  float* scale_gradient = nullptr;
  float* shift_gradient = nullptr;
};
void FinishNormGradient(const NormGradients& gradients);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_NORM_STATISTICS_H_
