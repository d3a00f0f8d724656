#include <ATen/ATen.h>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/nn/batches.h"
#include "common/nn/network.h"
#include "common/nn/runtime.h"
#include "common/nn/schedule.h"
#include "common/nn/streams.h"
#include "common/nn/trial.h"
#include "common/nn/weights.h"

namespace archpool::nn {
namespace {

struct Batch {
  at::Tensor images;
  std::vector<uint8_t> labels;
};

// The batches of a trial, by step; any step may be asked for next.
class TrialBatches {
 public:
  TrialBatches(const Recipe& recipe, uint64_t key, const Schedule& schedule,
               const Normalization& normalization, const Dataset& data)
      : recipe_(recipe),
        key_(key),
        schedule_(schedule),
        data_(data),
        reader_(data, normalization) {
    const TensorShape& shape = data.shape;
    batch_.images = at::empty(
        {schedule.batch_size(), shape.channels, shape.height, shape.width},
        at::kFloat, at::MemoryFormat::ChannelsLast);
    batch_.labels.resize(static_cast<size_t>(schedule.batch_size()));
  }

  // Valid until the next call.
  const Batch& At(int64_t step) {
    const int64_t epoch = step / schedule_.steps_per_epoch();
    if (epoch != epoch_) {
      const CounterRng rng(key_, StreamOf(Draw::kOrder, epoch));
      order_ = Permutation(rng, static_cast<uint32_t>(data_.count()));
      epoch_ = epoch;
    }
    const int64_t first =
        (step % schedule_.steps_per_epoch()) * schedule_.batch_size();
    CounterRng moves(key_, StreamOf(Draw::kAugmentation, step));
    float* out = batch_.images.data_ptr<float>();
    for (int64_t i = 0; i < schedule_.batch_size(); ++i) {
      const int64_t example = order_[static_cast<size_t>(first + i)];
      reader_.Read(example, DrawDisplacement(recipe_, moves), out);
      out += data_.shape.elements();
      batch_.labels[static_cast<size_t>(i)] =
          data_.labels[static_cast<size_t>(example)];
    }
    return batch_;
  }

 private:
  const Recipe& recipe_;
  const uint64_t key_;
  const Schedule& schedule_;
  const Dataset& data_;
  const PixelReader reader_;
  std::vector<uint32_t> order_;
  int64_t epoch_ = -1;
  Batch batch_;
};

struct Loss {
  double mean = 0;
  at::Tensor logits_gradient;
};

// Cross entropy against labels smoothed by `smoothing`.
Loss CrossEntropy(const at::Tensor& logits, const std::vector<uint8_t>& labels,
                  double smoothing) {
  const int64_t classes = logits.size(1);
  const auto count = static_cast<int64_t>(labels.size());
  Loss loss;
  loss.logits_gradient = at::_softmax(logits, 1, false).contiguous();
  float* row = loss.logits_gradient.data_ptr<float>();
  const auto off = static_cast<float>(smoothing / static_cast<double>(classes));
  const auto on = static_cast<float>(1.0 - smoothing);
  const float scale = 1.0f / static_cast<float>(count);
  for (const uint8_t label : labels) {
    loss.mean -= std::log(static_cast<double>(row[label]) + 1e-30);
    row[label] -= on;
    for (int64_t c = 0; c < classes; ++c) row[c] = (row[c] - off) * scale;
    row += classes;
  }
  loss.mean /= static_cast<double>(count);
  return loss;
}

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

absl::StatusOr<TensorMap> TrainWeights(const LayerPlan& plan,
                                       const Recipe& recipe,
                                       const RungSpan& span, uint64_t key,
                                       const Normalization& normalization,
                                       const Dataset& train,
                                       const ProgressCallback& progress) {
  Network network(plan, span.resumed != nullptr ? *span.resumed
                                                : InitialWeights(plan, key));
  std::vector<Schedule> schedules;
  int64_t steps = 0;
  for (int64_t rung = span.resumed != nullptr ? span.rung : 0;
       rung <= span.rung; ++rung) {
    schedules.emplace_back(recipe, train.count(), rung);
    steps += schedules.back().steps();
  }
  TrialBatches batches(recipe, key, schedules[0], normalization, train);
  const double smoothing =
      static_cast<double>(recipe.label_smoothing_ppm) / 1e6;
  int64_t done = 0;
  for (const Schedule& schedule : schedules) {
    Optimizer optimizer(recipe, network.parameters());
    for (int64_t step = 0; step < schedule.steps(); ++step) {
      const Batch& batch = batches.At(done++);
      const at::Tensor logits = network.Forward(batch.images);
      const Loss loss = CrossEntropy(logits, batch.labels, smoothing);
      network.Backward(loss.logits_gradient);
      optimizer.Step(schedule.LearningRate(step));
      if (progress && !progress({done, steps, loss.mean})) {
        return MakeError(
            absl::StatusCode::kCancelled, "TRAINING_STOPPED",
            absl::StrCat("the training was stopped after step ", done, " of ",
                         steps, "; train it again from the start"));
      }
    }
  }
  return network.Weights();
}

}  // namespace

absl::StatusOr<TrainedNetwork> Train(const LayerPlan& plan,
                                     const Recipe& recipe, const RungSpan& span,
                                     const Digest& trial_key,
                                     const Normalization& normalization,
                                     const Dataset& train,
                                     const Dataset& validation,
                                     const ProgressCallback& progress) {
  if (span.resumed != nullptr) {
    ARCHPOOL_RETURN_IF_ERROR(CheckWeights(plan, *span.resumed));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, train));
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, validation));
  ARCHPOOL_ASSIGN_OR_RETURN(TensorMap weights, Guarded([&] {
                              return TrainWeights(
                                  plan, recipe, span, trial_key.Prefix64(),
                                  normalization, train, progress);
                            }));
  absl::StatusOr<int64_t> correct =
      CountCorrect(plan, weights, normalization, validation);
  // A training that diverged is a result like any other: nothing is correct.
  if (GetReason(correct.status()) == "WEIGHTS_NOT_FINITE") correct = 0;
  ARCHPOOL_RETURN_IF_ERROR(correct.status());
  return TrainedNetwork{std::move(weights), *correct};
}

}  // namespace archpool::nn
