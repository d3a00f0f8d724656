// SPDX-License-Identifier: Apache-2.0
// Count, mean and standard deviation of a stream of integers, forgetting
// slowly: integer sums, so that every machine and every reload holds the same.
// Value type; thread-compatible.
#ifndef ARCHPOOL_COMMON_MODEL_MOMENTS_H_
#define ARCHPOOL_COMMON_MODEL_MOMENTS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace archpool {

struct Moments {
  // Squares of larger values would not add up in 64 bits.
  static constexpr int64_t kValueMax = 10'000'000;
  // From here on each value added halves the weight of those before.
  static constexpr int64_t kCountMax = 1'024;

  int64_t count = 0;
  int64_t sum = 0;
  int64_t sum_of_squares = 0;

  // Values outside [0, kValueMax] count as its ends.
  void Add(int64_t value) {
    value = std::clamp<int64_t>(value, 0, kValueMax);
    if (count == kCountMax) {
      count /= 2;
      sum /= 2;
      sum_of_squares /= 2;
    }
    ++count;
    sum += value;
    sum_of_squares += value * value;
  }

  // 0 where nothing was added.
  double Mean() const {
    return count == 0 ? 0
                      : static_cast<double>(sum) / static_cast<double>(count);
  }
  // The deviation of a sample; 0 below two values.
  double Deviation() const {
    if (count < 2) return 0;
    const double mean = Mean();
    const double variance = (static_cast<double>(sum_of_squares) -
                             mean * static_cast<double>(sum)) /
                            static_cast<double>(count - 1);
    return variance > 0 ? std::sqrt(variance) : 0;
  }

  friend bool operator==(const Moments&, const Moments&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_MOMENTS_H_
