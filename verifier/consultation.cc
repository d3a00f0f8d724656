// SPDX-License-Identifier: Apache-2.0
#include "verifier/consultation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/base/status.h"

namespace archpool {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Whether float32 ends before the network does: neither the kernels nor the
// second implementation have a number of some logit. Weights that a miner made
// up lead there as it likes.
bool IsBeyondFloat32(absl::Span<const float> kernels,
                     absl::Span<const double> single, size_t classes) {
  const auto is_number = [](double logit) { return std::isfinite(logit); };
  for (size_t i = 0; i < kernels.size(); i += classes) {
    const auto ours = kernels.subspan(i, classes);
    const auto theirs = single.subspan(i, classes);
    if (!std::all_of(ours.begin(), ours.end(), is_number) &&
        !std::all_of(theirs.begin(), theirs.end(), is_number)) {
      return true;
    }
  }
  return false;
}

double RoundingOf(absl::Span<const double> single,
                  absl::Span<const double> exact) {
  double rounding = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    const double difference =
        std::isfinite(single[i]) ? std::abs(single[i] - exact[i]) : kInfinity;
    // Not a number: it is double precision that cannot tell.
    if (difference > rounding) rounding = difference;
  }
  return rounding;
}

// The names and the values; of one plan's weights, that is all.
Digest DigestOf(const TensorMap& weights) {
  Sha256Stream stream;
  for (const auto& [name, tensor] : weights) {
    stream.Update(name);
    stream.Update(absl::MakeConstSpan(
        reinterpret_cast<const uint8_t*>(tensor.values.data()),
        tensor.values.size() * sizeof(float)));
  }
  return stream.Finish();
}

}  // namespace

absl::StatusOr<std::vector<double>> Consultation::Compute(
    const Subject& subject, const Dataset& dataset,
    OpinionPrecision precision) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::vector<double> logits,
      second_->ComputeLogits(subject.plan, subject.weights, subject.manifest,
                             dataset, precision));
  if (std::ssize(logits) != dataset.count() * subject.plan.classes) {
    return Internal("EVALUATION_FAILED",
                    "the second opinion is one about other examples");
  }
  return logits;
}

bool Consultation::IsCalibrated(const Subject& subject) const {
  return calibrated_ && calibrated_->plan == subject.plan &&
         calibrated_->manifest == subject.manifest &&
         calibrated_->weights == subject.digest;
}

absl::StatusOr<int64_t> Consultation::CalibrateFirst(
    const Subject& subject, const Dataset& dataset,
    absl::Span<const float> kernels, bool is_beyond,
    std::vector<double>& second) {
  calibrated_.reset();
  std::vector<int64_t> examples(
      static_cast<size_t>(std::min(kCalibrationExamples, dataset.count())));
  std::iota(examples.begin(), examples.end(), int64_t{0});
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<double> exact,
                            Compute(subject, PickExamples(dataset, examples),
                                    OpinionPrecision::kFloat64));
  const double rounding =
      is_beyond
          ? kInfinity
          : RoundingOf(absl::MakeConstSpan(second).first(exact.size()), exact);
  calibrated_ = {subject.plan, subject.manifest, subject.digest,
                 Calibrate(kernels.first(exact.size()), exact,
                           subject.plan.classes, rounding)};
  std::copy(exact.begin(), exact.end(), second.begin());
  return std::ssize(examples);
}

absl::StatusOr<int64_t> Consultation::Decide(const Subject& subject,
                                             const Dataset& dataset,
                                             absl::Span<const float> kernels,
                                             int64_t known,
                                             const Calibration& calibration,
                                             std::vector<double>& second) {
  const int64_t classes = subject.plan.classes;
  std::vector<int64_t> doubtful =
      DoubtfulExamples(kernels, second, classes, calibration);
  doubtful.erase(doubtful.begin(),
                 std::lower_bound(doubtful.begin(), doubtful.end(), known));
  if (doubtful.empty()) return 0;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<double> exact,
                            Compute(subject, PickExamples(dataset, doubtful),
                                    OpinionPrecision::kFloat64));
  for (size_t i = 0; i < doubtful.size(); ++i) {
    std::copy_n(exact.begin() + static_cast<int64_t>(i) * classes, classes,
                second.begin() + doubtful[i] * classes);
  }
  return std::ssize(doubtful);
}

absl::StatusOr<OpinionComparison> Consultation::Ask(
    const LayerPlan& plan, const TensorMap& weights,
    const DatasetManifest& manifest, const Dataset& dataset,
    absl::Span<const float> kernels) {
  const Subject subject{plan, weights, manifest, DigestOf(weights)};
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::vector<double> second,
      Compute(subject, dataset, OpinionPrecision::kFloat32));
  const bool is_beyond =
      IsBeyondFloat32(kernels, second, static_cast<size_t>(plan.classes));
  int64_t known = 0;
  if (!IsCalibrated(subject)) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        known, CalibrateFirst(subject, dataset, kernels, is_beyond, second));
  }
  Calibration calibration = calibrated_->calibration;
  if (calibration.examples < kCalibrationExamples) calibrated_.reset();
  // For these examples, which another calibration may not have seen.
  if (is_beyond) calibration.rounding = kInfinity;
  int64_t decided = 0;
  if (calibration.agrees()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        decided, Decide(subject, dataset, kernels, known, calibration, second));
  }
  OpinionComparison comparison =
      CompareOpinions(kernels, second, plan.classes, calibration);
  comparison.in_double = known + decided;
  return comparison;
}

}  // namespace archpool
