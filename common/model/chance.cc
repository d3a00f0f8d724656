// SPDX-License-Identifier: Apache-2.0
#include "common/model/chance.h"

#include "absl/numeric/int128.h"
#include "common/base/check.h"

namespace archpool {

bool IsAboveChance(int64_t correct, int64_t count, int64_t classes) {
  ARCHPOOL_CHECK(correct >= 0 && correct <= count && classes > 0);
  // correct - count / classes > d * sqrt(count * (classes - 1)) / classes,
  // without the root and the fractions.
  const absl::int128 excess = absl::int128(correct) * classes - count;
  if (excess <= 0) return false;
  return excess * excess > absl::int128(kChanceDeviations) * kChanceDeviations *
                               count * (classes - 1);
}

int64_t CorrectAboveChance(int64_t count, int64_t classes) {
  int64_t low = 0;
  int64_t high = count + 1;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (middle > count || IsAboveChance(middle, count, classes)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

int64_t AccuracyAboveChancePpm(int64_t count, int64_t classes) {
  const absl::int128 correct = CorrectAboveChance(count, classes);
  return static_cast<int64_t>((correct * 1'000'000 + count - 1) / count);
}

}  // namespace archpool
