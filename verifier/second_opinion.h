// SPDX-License-Identifier: Apache-2.0
// What the pool believes a network's answers by: the same weights, computed by
// kernels and, independently of them, by a second implementation in double
// precision, have to agree. (Who asks it: verifier/consultation.h.)
//
// Rounding makes them differ a little, and how much depends on the network: one
// that subtracts large numbers loses more. So the first examples of a split
// tell, as a calibration, how far the logits may lie apart; where the two best
// logits of an example are further apart than rounding reaches, its answer may
// not differ. A mistake that shifts every logit (a wrong constant in a batch
// norm) would widen that reach by itself and hide. So the calibration is
// bounded, too: by what float32 costs the second implementation on the same
// examples, and by the logits' size.
#ifndef ARCHPOOL_VERIFIER_SECOND_OPINION_H_
#define ARCHPOOL_VERIFIER_SECOND_OPINION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"

namespace archpool {

// As many examples calibrate.
inline constexpr int64_t kCalibrationExamples = 64;

enum class OpinionPrecision { kFloat32, kFloat64 };

// Another implementation of the networks. Thread-compatible.
class SecondOpinion {
 public:
  virtual ~SecondOpinion() = default;
  // The logits of every example, [example][class]. An error says nothing about
  // the weights.
  virtual absl::StatusOr<std::vector<double>> ComputeLogits(
      const LayerPlan& plan, const TensorMap& weights,
      const DatasetManifest& manifest, const Dataset& dataset,
      OpinionPrecision precision) = 0;
};

// What rounding may do to a network's logits, seen on some examples.
struct Calibration {
  int64_t examples = 0;
  // The largest logit in double precision, without its sign, the largest
  // difference of the kernels', and the largest that is allowed.
  double scale = 0;
  double difference = 0;
  double difference_max = 0;
  // The largest difference that float32 makes to the second implementation
  // itself. Infinite where its logits are beyond float32 on the way or in the
  // end: what the kernels have no number for then, nobody has in float32.
  double rounding = 0;

  bool agrees() const { return difference <= difference_max; }
};

// REQUIRES: as many logits in both, `classes` an example.
Calibration Calibrate(absl::Span<const float> kernels,
                      absl::Span<const double> exact, int64_t classes,
                      double rounding);

// Which examples double precision has to decide: where the second
// implementation in float32 has another answer than the kernels, or none, or
// where its two best logits are not further apart than rounding reaches, with a
// margin of eight. Everywhere else two implementations have the same answer in
// float32, and double precision could have another only if both had lost far
// more than they did in the calibration, and in the same direction.
// REQUIRES: as of Calibrate; calibration.agrees().
std::vector<int64_t> DoubtfulExamples(absl::Span<const float> kernels,
                                      absl::Span<const double> single,
                                      int64_t classes,
                                      const Calibration& calibration);

struct OpinionComparison {
  int64_t examples = 0;
  int64_t in_double = 0;  // of them
  Calibration calibration;
  // Answers that differ: within rounding's reach, and beyond it.
  int64_t close_calls = 0;
  int64_t contradictions = 0;
  int64_t first_contradiction = -1;

  bool agrees() const { return calibration.agrees() && contradictions == 0; }
};

// `second`: in double precision, or where no double precision is needed
// (DoubtfulExamples) in float32.
// REQUIRES: as of Calibrate.
OpinionComparison CompareOpinions(absl::Span<const float> kernels,
                                  absl::Span<const double> second,
                                  int64_t classes,
                                  const Calibration& calibration);

// For the operator, with all numbers.
std::string Describe(const OpinionComparison& comparison);

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_SECOND_OPINION_H_
