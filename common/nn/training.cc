// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/kernels/schedule.h"
#include "common/kernels/weights.h"
#include "common/nn/runtime.h"
#include "common/nn/training_run.h"
#include "common/nn/trial.h"

namespace archpool::nn {
namespace {

using kernels::CheckWeights;
using kernels::InitialWeights;

absl::Status Stopped(const TrainingRun& run) {
  return MakeError(
      absl::StatusCode::kCancelled, "TRAINING_STOPPED",
      absl::StrCat("the training was stopped after step ", run.step(), " of ",
                   run.steps(), "; train it again from the start"));
}

// From `boundary`, which `run` is at, to the end, or to the first boundary at
// which nothing can be learnt any more: every machine stops at the same one.
absl::StatusOr<TensorMap> TrainWeights(TrainingRun& run, const Recipe& recipe,
                                       int64_t boundary,
                                       const ProgressCallback& progress,
                                       const CheckpointSink& sink) {
  while (true) {
    while (boundary <= recipe.segments &&
           SegmentBoundary(run.steps(), recipe.segments, boundary) ==
               run.step()) {
      Checkpoint checkpoint = run.Capture(boundary);
      if (sink) ARCHPOOL_RETURN_IF_ERROR(sink(checkpoint));
      if (boundary++ > 0 && HasDiverged(checkpoint.weights)) {
        return std::move(checkpoint.weights);
      }
    }
    if (run.step() == run.steps()) return run.Weights();
    const double loss = run.Step();
    if (progress && !progress({run.step(), run.steps(), loss})) {
      return Stopped(run);
    }
  }
}

}  // namespace

bool HasDiverged(const TensorMap& weights) {
  bool all_zero = true;
  for (const auto& [name, tensor] : weights) {
    for (const float value : tensor.values) {
      if (!std::isfinite(value)) return true;
      all_zero = all_zero && value == 0;
    }
  }
  return all_zero;
}

absl::StatusOr<Checkpoint> StartTraining(const LayerPlan& plan,
                                         const Recipe& recipe,
                                         const RungSpan& span,
                                         const Digest& trial_key,
                                         const Normalization& normalization,
                                         const Dataset& train) {
  if (span.resumed != nullptr) {
    ARCHPOOL_RETURN_IF_ERROR(CheckWeights(plan, *span.resumed));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, train));
  return Guarded([&]() -> absl::StatusOr<Checkpoint> {
    return TrainingRun(plan, recipe, span, trial_key.Prefix64(), normalization,
                       train)
        .Capture(0);
  });
}

absl::StatusOr<Checkpoint> ReplaySegment(
    const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
    const Digest& trial_key, const Normalization& normalization,
    const Dataset& train, const Checkpoint& from) {
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, train));
  return Guarded([&]() -> absl::StatusOr<Checkpoint> {
    // What the run begins with is replaced: the weights below are not needed.
    RungSpan anywhere = span;
    const TensorMap initial = InitialWeights(plan, trial_key.Prefix64());
    if (span.resumed != nullptr) anywhere.resumed = &initial;
    TrainingRun run(plan, recipe, anywhere, trial_key.Prefix64(), normalization,
                    train);
    ARCHPOOL_RETURN_IF_ERROR(run.Restore(from));
    if (from.boundary == recipe.segments) {
      return InvalidArgument("CHECKPOINT_MALFORMED",
                             "no segment begins where the training ends");
    }
    const int64_t to_step =
        SegmentBoundary(run.steps(), recipe.segments, from.boundary + 1);
    while (run.step() < to_step) run.Step();
    return run.Capture(from.boundary + 1);
  });
}

absl::StatusOr<TrainedNetwork> Train(
    const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
    const Digest& trial_key, const Normalization& normalization,
    const Dataset& train, const Dataset& validation,
    const ProgressCallback& progress, const CheckpointSink& sink,
    const Checkpoint* from) {
  if (span.resumed != nullptr) {
    ARCHPOOL_RETURN_IF_ERROR(CheckWeights(plan, *span.resumed));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, train));
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, validation));
  TrainingProgress last;
  const ProgressCallback note = [&](const TrainingProgress& now) {
    last = now;
    return !progress || progress(now);
  };
  ARCHPOOL_ASSIGN_OR_RETURN(
      TensorMap weights, Guarded([&]() -> absl::StatusOr<TensorMap> {
        TrainingRun run(plan, recipe, span, trial_key.Prefix64(), normalization,
                        train);
        last.step = last.steps = run.steps();
        if (from != nullptr) ARCHPOOL_RETURN_IF_ERROR(run.Restore(*from));
        if (from != nullptr && from->boundary > 0 &&
            HasDiverged(from->weights)) {
          return from->weights;
        }
        return TrainWeights(
            run, recipe, from == nullptr ? 0 : from->boundary + 1, note, sink);
      }));
  absl::StatusOr<int64_t> correct = CountCorrect(
      plan, weights, normalization, validation, [&] { return note(last); });
  // A training that diverged is a result like any other: nothing is correct.
  if (GetReason(correct.status()) == "WEIGHTS_NOT_FINITE") correct = 0;
  ARCHPOOL_RETURN_IF_ERROR(correct.status());
  return TrainedNetwork{std::move(weights), *correct};
}

}  // namespace archpool::nn
