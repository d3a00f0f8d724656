// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_network.h"

#include <utility>

#include "absl/time/clock.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/model/arithmetic.h"

namespace archpool::testing {
namespace {

constexpr char kTensorName[] = "fake.accuracy";
constexpr char kChainName[] = "fake.chain";
// The size at which half of the way from the worst to the best is gone.
constexpr float kHalfwayParameters = 20'000;

int64_t CorrectOf(float accuracy, int64_t count) {
  return static_cast<int64_t>(static_cast<double>(accuracy) *
                              static_cast<double>(count));
}

absl::StatusOr<float> FakeResult(const TensorMap& weights) {
  const auto found = weights.find(kTensorName);
  if (found == weights.end() || weights.size() != 1 ||
      found->second.values.size() != 1) {
    return InvalidArgument("WEIGHTS_MISMATCH",
                           "these are not the weights of a fake network");
  }
  return found->second.values[0];
}

}  // namespace

std::vector<std::string> FakeClasses() { return {std::string(kArithmetic)}; }

float FakeAccuracy(const LayerPlan& plan, const Digest& trial_key) {
  const float parameters = static_cast<float>(plan.parameters);
  const float noise = CounterRng(trial_key.Prefix64(), 0).NextUnitFloat();
  return 0.60f + 0.35f * parameters / (parameters + kHalfwayParameters) +
         0.01f * noise;
}

Checkpoint FakeStart(const LayerPlan& plan, int64_t rung,
                     const Digest& trial_key, float below) {
  // A rung adds five points to what it continues from.
  const float accuracy = below >= 0 ? std::min(1.0f, below + 0.05f)
                                    : FakeAccuracy(plan, trial_key) +
                                          0.05f * static_cast<float>(rung);
  Checkpoint start;
  start.weights[kTensorName] = Tensor{{1}, {accuracy}};
  start.optimizer[kChainName] = Tensor{{1}, {0}};
  return start;
}

uint64_t FakeSalt(const Recipe& recipe, int64_t examples, uint8_t pixel) {
  return CounterRng(static_cast<uint64_t>(recipe.epochs * 1'000'003 + examples),
                    pixel)
      .Next();
}

Checkpoint FakeNext(const Digest& trial_key, uint64_t salt,
                    const Checkpoint& from) {
  Checkpoint next = from;
  ++next.boundary;
  float& link = next.optimizer[kChainName].values.at(0);
  link = CounterRng(
             trial_key.Prefix64() ^ salt ^ static_cast<uint64_t>(1e6f * link),
             static_cast<uint64_t>(next.boundary))
             .NextUnitFloat();
  return next;
}

absl::StatusOr<TrainingResult> FakeTrainer::Train(
    const TrainingRequest& request, const StepCallback& on_step,
    const CheckpointCallback& on_checkpoint) {
  for (int64_t step = 1; step <= steps_; ++step) {
    absl::SleepFor(step_time_);
    if (!on_step(step, steps_)) {
      return MakeError(absl::StatusCode::kCancelled, "TRAINING_STOPPED",
                       "the training was stopped");
    }
  }
  float below = -1;
  if (request.resumed != nullptr) {
    ARCHPOOL_ASSIGN_OR_RETURN(below, FakeResult(*request.resumed));
  }
  Checkpoint at =
      FakeStart(request.plan, request.rung, request.trial_key, below);
  if (request.from != nullptr) {
    at = *request.from;
  } else {
    ARCHPOOL_RETURN_IF_ERROR(on_checkpoint(at));
  }
  const uint64_t salt = FakeSalt(request.recipe, request.train.count(),
                                 request.train.images.at(0));
  while (at.boundary < request.recipe.segments) {
    at = FakeNext(request.trial_key, salt, at);
    ARCHPOOL_RETURN_IF_ERROR(on_checkpoint(at));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const float accuracy, FakeResult(at.weights));
  TrainingResult result;
  result.weights = at.weights;
  result.validation_correct = CorrectOf(accuracy, request.validation.count());
  return result;
}

absl::StatusOr<int64_t> FakeEvaluator::CountCorrect(
    const LayerPlan& /*plan*/, const TensorMap& weights,
    const DatasetManifest& /*manifest*/, const Dataset& dataset) {
  ARCHPOOL_ASSIGN_OR_RETURN(const float accuracy, FakeResult(weights));
  if (!(accuracy >= 0 && accuracy <= 1)) {
    return InvalidArgument("WEIGHTS_NOT_FINITE",
                           "a fake network's accuracy is in [0, 1]");
  }
  return CorrectOf(accuracy, dataset.count());
}

absl::StatusOr<Checkpoint> FakeEvaluator::Start(const TrainingSetup& setup,
                                                const TensorMap* resumed,
                                                const Dataset& /*train*/) {
  float below = -1;
  if (resumed != nullptr) {
    ARCHPOOL_ASSIGN_OR_RETURN(below, FakeResult(*resumed));
  }
  return FakeStart(setup.plan, setup.rung, setup.trial_key, below);
}

absl::StatusOr<Checkpoint> FakeEvaluator::Replay(const TrainingSetup& setup,
                                                 const Dataset& train,
                                                 const Checkpoint& from) {
  const auto chain = from.optimizer.find(kChainName);
  if (chain == from.optimizer.end() || chain->second.values.size() != 1) {
    return InvalidArgument("CHECKPOINT_MALFORMED",
                           "this is not a checkpoint of a fake training");
  }
  return FakeNext(setup.trial_key,
                  FakeSalt(setup.recipe, train.count(), train.images.at(0)),
                  from);
}

}  // namespace archpool::testing
