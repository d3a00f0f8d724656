// SPDX-License-Identifier: Apache-2.0
// Wald's sequential probability ratio test (A. Wald, "Sequential Tests of
// Statistical Hypotheses", 1945) for the claim that a network answers a share
// of a split correctly: looks at as few examples as it takes. Value type;
// thread-compatible.
#ifndef ARCHPOOL_VERIFIER_WALD_H_
#define ARCHPOOL_VERIFIER_WALD_H_

#include <cstdint>

namespace archpool {

class SequentialTest {
 public:
  enum class Verdict { kUndecided, kCredible, kNotCredible };

  // The claim is a share of `claimed`; what it is tested against, `claimed`
  // less `margin`. An honest claim is found not credible once in a hundred
  // times (it is counted out then), one that is false by the margin credible
  // once in a thousand.
  SequentialTest(double claimed, double margin);

  void Add(int64_t seen, int64_t correct);
  Verdict verdict() const;

 private:
  double per_correct_;  // log likelihood ratio, false over true
  double per_wrong_;
  double ratio_ = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_WALD_H_
