// The statistics of batch norms, channel by channel in double (docs/
// arithmetic.md, "Batch norm"): the same everywhere. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_NORM_STATISTICS_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_NORM_STATISTICS_H_

#include <cstdint>

namespace archpool::kernels {

// Rows of a block, the last one excepted. REQUIRES: rows > 0.
int64_t NormBlockRows(int64_t rows);

// From the blocks' sums, [block][stride], to what the forward pass goes by.
struct NormStatistics {
  int64_t rows = 0;
  int64_t blocks = 0;
  int64_t channels = 0;
  int64_t stride = 0;
  const float* sums = nullptr;     // S
  const float* squares = nullptr;  // T
  const float* origin = nullptr;   // z
  const float* scale = nullptr;
  const float* running_mean = nullptr;
  const float* running_variance = nullptr;
  // Written.
  float* mean = nullptr;
  float* inverse = nullptr;
  float* factor = nullptr;
  float* next_running_mean = nullptr;
  float* next_running_variance = nullptr;
};
// Whether the running statistics are finite.
bool FinishNormStatistics(const NormStatistics& statistics);

// The same backward.
struct NormGradientStatistics {
  int64_t rows = 0;
  int64_t blocks = 0;
  int64_t channels = 0;
  int64_t stride = 0;
  const float* sums = nullptr;      // G
  const float* products = nullptr;  // H
  const float* inverse = nullptr;
  const float* scale = nullptr;
  // Written.
  float* of_gradient = nullptr;
  float* of_value = nullptr;
  float* constant = nullptr;
  float* scale_gradient = nullptr;
  float* shift_gradient = nullptr;
};
void FinishNormGradients(const NormGradientStatistics& statistics);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_NORM_STATISTICS_H_
