#include "tests/support/fake_network.h"

#include <utility>

#include "absl/time/clock.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"

namespace archpool::testing {
namespace {

constexpr char kTensorName[] = "fake.accuracy";
// The size at which half of the way from the worst to the best is gone.
constexpr float kHalfwayParameters = 20'000;

int64_t CorrectOf(float accuracy, int64_t count) {
  return static_cast<int64_t>(static_cast<double>(accuracy) *
                              static_cast<double>(count));
}

}  // namespace

float FakeAccuracy(const LayerPlan& plan, const Digest& trial_key) {
  const float parameters = static_cast<float>(plan.parameters);
  const float noise = CounterRng(trial_key.Prefix64(), 0).NextUnitFloat();
  return 0.60f + 0.35f * parameters / (parameters + kHalfwayParameters) +
         0.01f * noise;
}

absl::StatusOr<TrainingResult> FakeTrainer::Train(
    const TrainingRequest& request, const StepCallback& on_step) {
  for (int64_t step = 1; step <= steps_; ++step) {
    absl::SleepFor(step_time_);
    if (!on_step(step, steps_)) {
      return MakeError(absl::StatusCode::kCancelled, "TRAINING_STOPPED",
                       "the training was stopped");
    }
  }
  // A rung adds five points to what it goes on from.
  float accuracy = FakeAccuracy(request.plan, request.trial_key);
  if (request.resumed != nullptr) {
    const auto found = request.resumed->find(kTensorName);
    if (found == request.resumed->end()) {
      return InvalidArgument("WEIGHTS_MISMATCH",
                             "these are not the weights of a fake network");
    }
    accuracy = std::min(1.0f, found->second.values[0] + 0.05f);
  } else {
    accuracy += 0.05f * static_cast<float>(request.rung);
  }
  TrainingResult result;
  result.weights[kTensorName] = Tensor{{1}, {accuracy}};
  result.validation_correct = CorrectOf(accuracy, request.validation.count());
  return result;
}

absl::StatusOr<int64_t> FakeEvaluator::CountCorrect(
    const LayerPlan& /*plan*/, const TensorMap& weights,
    const DatasetManifest& /*manifest*/, const Dataset& dataset) {
  const auto found = weights.find(kTensorName);
  if (found == weights.end() || weights.size() != 1 ||
      found->second.values.size() != 1) {
    return InvalidArgument("WEIGHTS_MISMATCH",
                           "these are not the weights of a fake network");
  }
  const float accuracy = found->second.values[0];
  if (!(accuracy >= 0 && accuracy <= 1)) {
    return InvalidArgument("WEIGHTS_NOT_FINITE",
                           "a fake network's accuracy is in [0, 1]");
  }
  return CorrectOf(accuracy, dataset.count());
}

}  // namespace archpool::testing
