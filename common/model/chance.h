// SPDX-License-Identifier: Apache-2.0
// Which results are better than guessing. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_MODEL_CHANCE_H_
#define ARCHPOOL_COMMON_MODEL_CHANCE_H_

#include <cstdint>

namespace archpool {

// A network that guesses is right about count / classes times, and hardly ever
// by more than this many standard deviations of a binomial distribution more
// (once in some 740 trainings).
inline constexpr int64_t kChanceDeviations = 3;

// Whether `correct` answers of `count` are more than a guess among `classes`
// gives: chance and kChanceDeviations of its deviations, sqrt(count · p ·
// (1 − p)) with p = 1 / classes. So no network learns anything from one class.
// REQUIRES: correct in [0, count]; count and classes of a dataset's limits.
bool IsAboveChance(int64_t correct, int64_t count, int64_t classes);

// The smallest number of correct answers above chance; count + 1 where not even
// all of them would be.
int64_t CorrectAboveChance(int64_t count, int64_t classes);

// The same as an accuracy in millionths, rounded up: above 1'000'000 where no
// result is above chance.
int64_t AccuracyAboveChancePpm(int64_t count, int64_t classes);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_CHANCE_H_
