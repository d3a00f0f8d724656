// SPDX-License-Identifier: Apache-2.0
// Asks a second implementation about networks, as cheaply as its opinion is to
// be had. Double precision costs ten times what the kernels need, and float32
// twice; so double precision calibrates and decides what float32 leaves in
// doubt (verifier/second_opinion.h), which is hardly ever an example.
#ifndef ARCHPOOL_VERIFIER_CONSULTATION_H_
#define ARCHPOOL_VERIFIER_CONSULTATION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/crypto/sha256.h"
#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"
#include "verifier/second_opinion.h"

namespace archpool {

// Thread-compatible.
class Consultation {
 public:
  // REQUIRES: `second` is not null.
  explicit Consultation(std::unique_ptr<SecondOpinion> second)
      : second_(std::move(second)) {}

  // `kernels`: the kernels' logits of every example. INTERNAL
  // (EVALUATION_FAILED): the opinion is one about other examples.
  absl::StatusOr<OpinionComparison> Ask(const LayerPlan& plan,
                                        const TensorMap& weights,
                                        const DatasetManifest& manifest,
                                        const Dataset& dataset,
                                        absl::Span<const float> kernels);

 private:
  // What is asked about.
  struct Subject {
    const LayerPlan& plan;
    const TensorMap& weights;
    const DatasetManifest& manifest;
    const Digest digest;  // of the weights
  };
  // A network, and what its calibration came to. An examination looks at one
  // network again and again, a few examples at a time.
  struct Calibrated {
    LayerPlan plan;
    DatasetManifest manifest;
    Digest weights;
    Calibration calibration;
  };

  absl::StatusOr<std::vector<double>> Compute(const Subject& subject,
                                              const Dataset& dataset,
                                              OpinionPrecision precision);
  bool IsCalibrated(const Subject& subject) const;
  // Calibrates with the first examples, whose logits it puts into `second`;
  // returns how many these are.
  absl::StatusOr<int64_t> CalibrateFirst(const Subject& subject,
                                         const Dataset& dataset,
                                         absl::Span<const float> kernels,
                                         bool is_beyond,
                                         std::vector<double>& second);
  // Puts logits in double precision into `second`; returns of how many
  // examples.
  absl::StatusOr<int64_t> Decide(const Subject& subject, const Dataset& dataset,
                                 absl::Span<const float> kernels, int64_t known,
                                 const Calibration& calibration,
                                 std::vector<double>& second);

  const std::unique_ptr<SecondOpinion> second_;
  std::optional<Calibrated> calibrated_;
};

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_CONSULTATION_H_
