// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/training_run.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/kernels/inner/table.h"
#include "common/kernels/weights.h"

namespace archpool::kernels {
namespace {

constexpr absl::string_view kVelocity = "velocity.";

std::vector<Schedule> SchedulesOf(const Recipe& recipe, const RungSpan& span,
                                  int64_t examples) {
  std::vector<Schedule> schedules;
  for (int64_t rung = span.resumed != nullptr ? span.rung : 0;
       rung <= span.rung; ++rung) {
    schedules.emplace_back(recipe, examples, rung);
  }
  return schedules;
}

std::string NameOf(const TensorPlace& place) {
  return TensorName(static_cast<int64_t>(place.layer), place.name);
}

std::vector<float> ToFile(const TensorPlace& place, const float* from) {
  std::vector<float> values(static_cast<size_t>(place.layout.values()));
  place.layout.ToFile(from, values.data());
  return values;
}

absl::Status Malformed(absl::string_view what) {
  return InvalidArgument("CHECKPOINT_MALFORMED",
                         absl::StrCat("the checkpoint ", what));
}

// No step that comes to anything else is ever applied (docs/arithmetic.md), so
// no training has it; and what bits a NaN has is nobody's word.
bool IsFinite(const TensorMap& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (!std::all_of(tensor.values.begin(), tensor.values.end(),
                     [](float value) { return std::isfinite(value); })) {
      return false;
    }
  }
  return true;
}

float RateOf(int64_t ppm) { return static_cast<float>(ppm) / 1e6f; }

}  // namespace

TrainingRun::TrainingRun(const LayerPlan& plan, const Recipe& recipe,
                         const RungSpan& span, uint64_t key,
                         const Normalization& normalization,
                         const Dataset& train, const Machine& machine)
    : plan_(plan),
      recipe_(recipe),
      schedules_(SchedulesOf(recipe, span, train.count())),
      team_(machine.threads),
      network_(plan.input_shape, plan.layers, schedules_[0].batch_size(),
               TableOf(machine.simd), team_),
      batches_(recipe, key, schedules_[0], normalization, train) {
  for (const Schedule& schedule : schedules_) steps_ += schedule.steps();
  Load(span.resumed != nullptr ? *span.resumed : InitialWeights(plan, key));
}

std::pair<const Schedule*, int64_t> TrainingRun::PlaceOf(int64_t step) const {
  for (const Schedule& schedule : schedules_) {
    if (step < schedule.steps()) return {&schedule, step};
    step -= schedule.steps();
  }
  ARCHPOOL_CHECK(false);
}

void TrainingRun::Step() {
  ARCHPOOL_CHECK(step_ < steps_);
  if (!diverged_at_step_.has_value()) {
    const auto [schedule, step_of_rung] = PlaceOf(step_);
    const Batch& batch = batches_.At(step_, &team_);
    Network::StepRates rates;
    rates.rates.rate = static_cast<float>(schedule->LearningRate(step_of_rung));
    rates.rates.momentum = RateOf(recipe_.momentum_ppm);
    rates.rates.decay = RateOf(recipe_.weight_decay_ppm);
    rates.smoothing = static_cast<double>(recipe_.label_smoothing_ppm) / 1e6;
    if (!network_.Step(batch.images.data(), batch.labels.data(), rates)) {
      diverged_at_step_ = step_;
    } else if (step_of_rung + 1 == schedule->steps()) {
      // Each rung begins at rest, and so does a training that continues from
      // here.
      network_.parameters().RestVelocity();
    }
  }
  ++step_;
}

void TrainingRun::SkipTo(int64_t boundary) {
  const int64_t to = SegmentBoundary(steps_, recipe_.segments, boundary);
  ARCHPOOL_CHECK(step_ <= to);
  while (step_ < to && !diverged_at_step_.has_value()) Step();
  step_ = to;
}

double TrainingRun::Loss() const {
  const float* logits = network_.logits();
  const int64_t stride = network_.logits_stride();
  const auto& labels = batches_.last().labels;
  double sum = 0;
  for (size_t n = 0; n < labels.size(); ++n) {
    const float* row = logits + static_cast<int64_t>(n) * stride;
    const float largest = *std::max_element(row, row + plan_.classes);
    double all = 0;
    for (int64_t c = 0; c < plan_.classes; ++c) {
      all += std::exp(double{row[c]} - double{largest});
    }
    sum += std::log(all) - (double{row[labels[n]]} - double{largest});
  }
  return sum / static_cast<double>(labels.size());
}

void TrainingRun::Load(const TensorMap& weights) {
  Parameters& parameters = network_.parameters();
  for (const auto* places : {&parameters.trained(), &parameters.running()}) {
    for (const TensorPlace& place : *places) {
      place.layout.FromFile(weights.at(NameOf(place)).values.data(),
                            parameters.At(place));
    }
  }
}

TensorMap TrainingRun::Weights() const {
  const Parameters& parameters = network_.parameters();
  const auto shapes = TensorShapes(plan_);
  TensorMap weights;
  for (const auto* places : {&parameters.trained(), &parameters.running()}) {
    for (const TensorPlace& place : *places) {
      const std::string name = NameOf(place);
      weights[name] =
          Tensor{shapes.at(name), ToFile(place, parameters.At(place))};
    }
  }
  return weights;
}

Checkpoint TrainingRun::Capture(int64_t boundary) const {
  const Parameters& parameters = network_.parameters();
  Checkpoint checkpoint{
      .boundary = boundary, .weights = Weights(), .optimizer = {}};
  for (const TensorPlace& place : parameters.trained()) {
    checkpoint.optimizer[absl::StrCat(kVelocity, NameOf(place))] = Tensor{
        {place.layout.values()}, ToFile(place, parameters.Velocity(place))};
  }
  if (diverged_at_step_.has_value()) {
    checkpoint.optimizer[std::string(kDivergedAtStep)] =
        DivergenceTensor(*diverged_at_step_);
  }
  return checkpoint;
}

absl::Status TrainingRun::Restore(const Checkpoint& checkpoint) {
  const int64_t segments = recipe_.segments;
  if (checkpoint.boundary < 0 || checkpoint.boundary > segments) {
    return Malformed(absl::StrCat("is of boundary ", checkpoint.boundary,
                                  ", and the training has ", segments,
                                  " segments"));
  }
  const absl::Status fits = CheckShapes(plan_, checkpoint.weights);
  if (!fits.ok()) return Malformed(fits.message());
  Parameters& parameters = network_.parameters();
  const std::optional<int64_t> diverged = DivergedAtStep(checkpoint);
  if (checkpoint.optimizer.size() !=
      parameters.trained().size() + (diverged.has_value() ? 1 : 0)) {
    return Malformed("has tensors left over, or too few");
  }
  for (const TensorPlace& place : parameters.trained()) {
    const std::string name = absl::StrCat(kVelocity, NameOf(place));
    const auto found = checkpoint.optimizer.find(name);
    if (found == checkpoint.optimizer.end() ||
        static_cast<int64_t>(found->second.values.size()) !=
            place.layout.values()) {
      return Malformed(absl::StrCat("has no ", name, " of its size"));
    }
  }
  if (!IsFinite(checkpoint.weights) || !IsFinite(checkpoint.optimizer)) {
    return Malformed("has a number that is infinite or none at all");
  }
  const int64_t step = SegmentBoundary(steps_, segments, checkpoint.boundary);
  if (diverged.has_value() && *diverged >= step) {
    return Malformed("says that the training diverged later than it was made");
  }
  Load(checkpoint.weights);
  for (const TensorPlace& place : parameters.trained()) {
    place.layout.FromFile(
        checkpoint.optimizer.at(absl::StrCat(kVelocity, NameOf(place)))
            .values.data(),
        parameters.Velocity(place));
  }
  step_ = step;
  diverged_at_step_ = diverged;
  return absl::OkStatus();
}

}  // namespace archpool::kernels
