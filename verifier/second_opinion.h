// What the pool believes a network's answers by: the same weights, computed by
// kernels and, independently of them, in double precision, have to agree.
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

// The first examples of a split.
inline constexpr int64_t kCalibrationExamples = 64;

// [example][class].
struct SecondLogits {
  std::vector<double> logits;
  // The largest difference that computing the calibration's logits in float32
  // makes, by the same implementation. Infinite where they are beyond float32
  // on the way or in the end: what the kernels have no number for then, nobody
  // has in float32.
  double rounding = 0;
};

// Another implementation of the networks. Thread-compatible.
class SecondOpinion {
 public:
  virtual ~SecondOpinion() = default;
  // Of every example. An error says nothing about the weights.
  virtual absl::StatusOr<SecondLogits> ComputeLogits(
      const LayerPlan& plan, const TensorMap& weights,
      const DatasetManifest& manifest, const Dataset& dataset) = 0;
};

struct OpinionComparison {
  int64_t examples = 0;
  // Of the calibration: the largest logit in double precision, without its
  // sign, the largest difference, and the largest that is allowed.
  double scale = 0;
  double difference = 0;
  double difference_max = 0;
  // Answers that differ: within rounding's reach, and beyond it.
  int64_t close_calls = 0;
  int64_t contradictions = 0;
  int64_t first_contradiction = -1;

  bool agrees() const {
    return difference <= difference_max && contradictions == 0;
  }
};

// REQUIRES: as many logits in both, `classes` an example.
OpinionComparison CompareOpinions(absl::Span<const float> kernels,
                                  const SecondLogits& second, int64_t classes);

// For the operator, with all numbers.
std::string Describe(const OpinionComparison& comparison);

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_SECOND_OPINION_H_
