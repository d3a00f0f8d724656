#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/nn/runtime.h"
#include "common/nn/schedule.h"
#include "common/nn/training_run.h"
#include "common/nn/trial.h"
#include "common/nn/weights.h"

namespace archpool::nn {
namespace {

absl::Status Stopped(const TrainingRun& run) {
  return MakeError(
      absl::StatusCode::kCancelled, "TRAINING_STOPPED",
      absl::StrCat("the training was stopped after step ", run.step(), " of ",
                   run.steps(), "; train it again from the start"));
}

absl::StatusOr<TensorMap> TrainWeights(TrainingRun& run, int64_t segments,
                                       const ProgressCallback& progress,
                                       const CheckpointSink& sink) {
  int64_t boundary = 0;
  while (true) {
    while (sink && boundary <= segments &&
           SegmentBoundary(run.steps(), segments, boundary) == run.step()) {
      ARCHPOOL_RETURN_IF_ERROR(sink(boundary++, run.Capture()));
    }
    if (run.step() == run.steps()) return run.Weights();
    const double loss = run.Step();
    if (progress && !progress({run.step(), run.steps(), loss})) {
      return Stopped(run);
    }
  }
}

}  // namespace

int64_t SegmentBoundary(int64_t steps, int64_t segments, int64_t boundary) {
  ARCHPOOL_CHECK(segments > 0 && boundary >= 0 && boundary <= segments);
  // No overflow: segments is at most 1024, and steps a count of batches.
  return steps * boundary / segments;
}

Digest CheckpointDigest(const Checkpoint& checkpoint) {
  return CanonicalWriter("archpool/checkpoint/v1")
      .Int(checkpoint.step)
      .Fixed(Sha256(SerializeSafetensors(checkpoint.state)))
      .Hash();
}

absl::StatusOr<Checkpoint> ReplaySegment(
    const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
    const Digest& trial_key, const Normalization& normalization,
    const Dataset& train, const Checkpoint& from, int64_t to_step) {
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, train));
  return Guarded([&]() -> absl::StatusOr<Checkpoint> {
    // What the run begins with is replaced: the weights below are not needed.
    RungSpan anywhere = span;
    const TensorMap initial = InitialWeights(plan, trial_key.Prefix64());
    if (span.resumed != nullptr) anywhere.resumed = &initial;
    TrainingRun run(plan, recipe, anywhere, trial_key.Prefix64(), normalization,
                    train);
    ARCHPOOL_RETURN_IF_ERROR(run.Restore(from));
    if (to_step < run.step() || to_step > run.steps()) {
      return InvalidArgument(
          "CHECKPOINT_MALFORMED",
          absl::StrCat("a segment from step ", run.step(), " to ", to_step,
                       " of ", run.steps(), " is none"));
    }
    while (run.step() < to_step) run.Step();
    return run.Capture();
  });
}

absl::StatusOr<TrainedNetwork> Train(
    const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
    const Digest& trial_key, const Normalization& normalization,
    const Dataset& train, const Dataset& validation,
    const ProgressCallback& progress, const CheckpointSink& sink) {
  if (span.resumed != nullptr) {
    ARCHPOOL_RETURN_IF_ERROR(CheckWeights(plan, *span.resumed));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, train));
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, validation));
  ARCHPOOL_ASSIGN_OR_RETURN(
      TensorMap weights, Guarded([&]() -> absl::StatusOr<TensorMap> {
        TrainingRun run(plan, recipe, span, trial_key.Prefix64(), normalization,
                        train);
        return TrainWeights(run, recipe.segments, progress, sink);
      }));
  absl::StatusOr<int64_t> correct =
      CountCorrect(plan, weights, normalization, validation);
  // A training that diverged is a result like any other: nothing is correct.
  if (GetReason(correct.status()) == "WEIGHTS_NOT_FINITE") correct = 0;
  ARCHPOOL_RETURN_IF_ERROR(correct.status());
  return TrainedNetwork{std::move(weights), *correct};
}

}  // namespace archpool::nn
