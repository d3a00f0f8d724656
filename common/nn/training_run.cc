// SPDX-License-Identifier: Apache-2.0
#include "common/nn/training_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/kernels/schedule.h"
#include "common/kernels/trial_batches.h"
#include "common/kernels/weights.h"
#include "common/nn/loss.h"
#include "common/nn/network.h"

namespace archpool::nn {
namespace {

using kernels::CheckShapes;
using kernels::InitialWeights;
using kernels::Schedule;
using kernels::TrialBatches;

constexpr absl::string_view kVelocity = "velocity.";

// Stochastic gradient descent with Nesterov momentum. Weight decay is for the
// weights of convolutions and linear layers; biases and batch norms keep their
// scale.
class Optimizer {
 public:
  Optimizer(const Recipe& recipe, std::vector<Parameter>& parameters)
      : momentum_(static_cast<float>(recipe.momentum_ppm) / 1e6f),
        decay_(static_cast<float>(recipe.weight_decay_ppm) / 1e6f),
        parameters_(parameters) {
    for (const Parameter& parameter : parameters) {
      velocities_.emplace_back(static_cast<size_t>(parameter.value.numel()),
                               0.0f);
    }
  }

  // As if nothing had been learnt yet.
  void Rest() {
    for (auto& velocity : velocities_) {
      std::fill(velocity.begin(), velocity.end(), 0.0f);
    }
  }

  // By parameter, as it lies in memory.
  std::vector<std::vector<float>>& velocities() { return velocities_; }
  const std::vector<std::vector<float>>& velocities() const {
    return velocities_;
  }

  void Step(double learning_rate) {
    const auto rate = static_cast<float>(learning_rate);
    for (size_t p = 0; p < parameters_.size(); ++p) {
      Parameter& parameter = parameters_[p];
      ARCHPOOL_CHECK(parameter.gradient.sizes() == parameter.value.sizes());
      float* value = parameter.value.data_ptr<float>();
      const float* gradient = parameter.gradient.data_ptr<float>();
      std::vector<float>& velocity = velocities_[p];
      const float decay = parameter.value.dim() > 1 ? decay_ : 0.0f;
      for (size_t i = 0; i < velocity.size(); ++i) {
        const float slope = gradient[i] + decay * value[i];
        velocity[i] = momentum_ * velocity[i] + slope;
        value[i] -= rate * (slope + momentum_ * velocity[i]);
      }
      parameter.gradient.reset();
    }
  }

 private:
  const float momentum_;
  const float decay_;
  std::vector<Parameter>& parameters_;
  std::vector<std::vector<float>> velocities_;
};

std::vector<Schedule> SchedulesOf(const Recipe& recipe, const RungSpan& span,
                                  int64_t examples) {
  std::vector<Schedule> schedules;
  for (int64_t rung = span.resumed != nullptr ? span.rung : 0;
       rung <= span.rung; ++rung) {
    schedules.emplace_back(recipe, examples, rung);
  }
  return schedules;
}

// Reads the batch's own memory.
at::Tensor ImagesOf(const LayerPlan& plan, const kernels::Batch& batch) {
  const TensorShape& shape = plan.input_shape;
  const auto examples = static_cast<int64_t>(batch.labels.size());
  return at::from_blob(const_cast<float*>(batch.images.data()),
                       {examples, shape.height, shape.width, shape.channels},
                       at::kFloat)
      .permute({0, 3, 1, 2});
}

absl::Status Malformed(absl::string_view what) {
  return InvalidArgument("CHECKPOINT_MALFORMED",
                         absl::StrCat("the checkpoint ", what));
}

}  // namespace

struct TrainingRun::State {
  const LayerPlan& plan;
  const Recipe& recipe;
  const std::vector<Schedule> schedules;  // one a rung
  const double smoothing;
  Network network;
  Optimizer optimizer;
  TrialBatches batches;
  int64_t steps = 0;
  int64_t step = 0;

  State(const LayerPlan& the_plan, const Recipe& the_recipe,
        const RungSpan& span, uint64_t key, const Normalization& normalization,
        const Dataset& train)
      : plan(the_plan),
        recipe(the_recipe),
        schedules(SchedulesOf(recipe, span, train.count())),
        smoothing(static_cast<double>(recipe.label_smoothing_ppm) / 1e6),
        network(plan, span.resumed != nullptr ? *span.resumed
                                              : InitialWeights(plan, key)),
        optimizer(recipe, network.parameters()),
        batches(recipe, key, schedules[0], normalization, train) {
    for (const Schedule& schedule : schedules) steps += schedule.steps();
  }

  // The rung that `at` lies in, and the step within it.
  std::pair<const Schedule*, int64_t> PlaceOf(int64_t at) const {
    for (const Schedule& schedule : schedules) {
      if (at < schedule.steps()) return {&schedule, at};
      at -= schedule.steps();
    }
    ARCHPOOL_CHECK(false);
  }
};

TrainingRun::TrainingRun(const LayerPlan& plan, const Recipe& recipe,
                         const RungSpan& span, uint64_t key,
                         const Normalization& normalization,
                         const Dataset& train)
    : state_(std::make_unique<State>(plan, recipe, span, key, normalization,
                                     train)) {}

TrainingRun::~TrainingRun() = default;

int64_t TrainingRun::step() const { return state_->step; }
int64_t TrainingRun::steps() const { return state_->steps; }

double TrainingRun::Step() {
  State& state = *state_;
  const auto [schedule, step_of_rung] = state.PlaceOf(state.step);
  const kernels::Batch& batch = state.batches.At(state.step);
  const at::Tensor logits = state.network.Forward(ImagesOf(state.plan, batch));
  const Loss loss = CrossEntropy(logits, batch.labels, state.smoothing);
  state.network.Backward(loss.logits_gradient);
  state.optimizer.Step(schedule->LearningRate(step_of_rung));
  ++state.step;
  // Each rung begins at rest, and so does a training that continues from here.
  if (step_of_rung + 1 == schedule->steps()) state.optimizer.Rest();
  return loss.mean;
}

TensorMap TrainingRun::Weights() const { return state_->network.Weights(); }

Checkpoint TrainingRun::Capture(int64_t boundary) const {
  const State& state = *state_;
  Checkpoint checkpoint{.boundary = boundary,
                        .weights = state.network.Weights(),
                        .optimizer = {}};
  const auto& velocities = state.optimizer.velocities();
  for (size_t p = 0; p < velocities.size(); ++p) {
    const std::string name =
        absl::StrCat(kVelocity, state_->network.parameters()[p].name);
    checkpoint.optimizer[name] =
        Tensor{{static_cast<int64_t>(velocities[p].size())}, velocities[p]};
  }
  return checkpoint;
}

absl::Status TrainingRun::Restore(const Checkpoint& checkpoint) {
  State& state = *state_;
  const int64_t segments = state.recipe.segments;
  if (checkpoint.boundary < 0 || checkpoint.boundary > segments) {
    return Malformed(absl::StrCat("is of boundary ", checkpoint.boundary,
                                  ", and the training has ", segments,
                                  " segments"));
  }
  const absl::Status fits = CheckShapes(state.plan, checkpoint.weights);
  if (!fits.ok()) return Malformed(fits.message());
  auto& velocities = state.optimizer.velocities();
  if (checkpoint.optimizer.size() != velocities.size()) {
    return Malformed("has tensors left over, or too few");
  }
  std::vector<std::vector<float>> restored;
  for (size_t p = 0; p < velocities.size(); ++p) {
    const std::string name =
        absl::StrCat(kVelocity, state.network.parameters()[p].name);
    const auto found = checkpoint.optimizer.find(name);
    if (found == checkpoint.optimizer.end() ||
        found->second.values.size() != velocities[p].size()) {
      return Malformed(absl::StrCat("has no ", name, " of its size"));
    }
    restored.push_back(found->second.values);
  }
  state.network.Load(checkpoint.weights);
  velocities = std::move(restored);
  state.step = SegmentBoundary(state.steps, segments, checkpoint.boundary);
  return absl::OkStatus();
}

}  // namespace archpool::nn
