// SPDX-License-Identifier: Apache-2.0
#include "verifier/wald.h"

#include <algorithm>
#include <cmath>

namespace archpool {
namespace {

constexpr double kFalseAlarm = 0.01;
constexpr double kMiss = 0.001;
// Shares of 0 and 1 would decide by a single example.
constexpr double kShareMin = 0.001;

}  // namespace

SequentialTest::SequentialTest(double claimed, double margin) {
  const double honest = std::clamp(claimed, 2 * kShareMin, 1 - kShareMin);
  const double lower = std::clamp(honest - margin, kShareMin, honest / 1.001);
  per_correct_ = std::log(lower / honest);
  per_wrong_ = std::log((1 - lower) / (1 - honest));
}

void SequentialTest::Add(int64_t seen, int64_t correct) {
  ratio_ += static_cast<double>(correct) * per_correct_ +
            static_cast<double>(seen - correct) * per_wrong_;
}

SequentialTest::Verdict SequentialTest::verdict() const {
  if (ratio_ <= std::log(kMiss / (1 - kFalseAlarm))) return Verdict::kCredible;
  if (ratio_ >= std::log((1 - kMiss) / kFalseAlarm)) {
    return Verdict::kNotCredible;
  }
  return Verdict::kUndecided;
}

}  // namespace archpool
