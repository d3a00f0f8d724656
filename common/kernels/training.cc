// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/training.h"

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/kernels/training_run.h"
#include "common/kernels/weights.h"

namespace archpool::kernels {
namespace {

absl::Status Stopped(const TrainingRun& run) {
  return MakeError(
      absl::StatusCode::kCancelled, "TRAINING_STOPPED",
      absl::StrCat("the training was stopped after step ", run.step(), " of ",
                   run.steps(), "; train it again from the start"));
}

// Runs `body`, where memory may be had in vain.
template <typename Body>
auto WithinMemory(const LayerPlan& plan, int64_t batch_size, const Body& body)
    -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return MakeError(
        absl::StatusCode::kResourceExhausted, "TRAINING_OUT_OF_MEMORY",
        absl::StrCat("this machine has no ",
                     TrainingBytes(plan, batch_size) >> 20,
                     " MiB free, which this network needs; give the process "
                     "more memory"));
  }
}

// From `boundary`, which `run` is at, to the end.
absl::Status TrainOn(TrainingRun& run, const Recipe& recipe, int64_t boundary,
                     const ProgressCallback& progress,
                     const CheckpointSink& sink) {
  while (true) {
    while (boundary <= recipe.segments &&
           SegmentBoundary(run.steps(), recipe.segments, boundary) ==
               run.step()) {
      if (sink) ARCHPOOL_RETURN_IF_ERROR(sink(run.Capture(boundary)));
      ++boundary;
    }
    if (run.step() == run.steps()) return absl::OkStatus();
    run.Step();
    if (run.diverged_at_step().has_value()) run.SkipTo(boundary);
    if (progress && !progress({run.step(), run.steps(), run.Loss()})) {
      return Stopped(run);
    }
  }
}

}  // namespace

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
  const Machine machine;
  return WithinMemory(
      plan, recipe.batch_size, [&]() -> absl::StatusOr<Checkpoint> {
        return TrainingRun(plan, recipe, span, trial_key.Prefix64(),
                           normalization, train, machine)
            .Capture(0);
      });
}

absl::StatusOr<Checkpoint> ReplaySegment(
    const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
    const Digest& trial_key, const Normalization& normalization,
    const Dataset& train, const Checkpoint& from, const Machine& machine) {
  ARCHPOOL_RETURN_IF_ERROR(CheckData(plan, train));
  return WithinMemory(
      plan, recipe.batch_size, [&]() -> absl::StatusOr<Checkpoint> {
        // What the run begins with is replaced: the weights below are not
        // needed.
        RungSpan anywhere = span;
        const TensorMap initial = InitialWeights(plan, trial_key.Prefix64());
        if (span.resumed != nullptr) anywhere.resumed = &initial;
        TrainingRun run(plan, recipe, anywhere, trial_key.Prefix64(),
                        normalization, train, machine);
        ARCHPOOL_RETURN_IF_ERROR(run.Restore(from));
        if (from.boundary == recipe.segments) {
          return InvalidArgument("CHECKPOINT_MALFORMED",
                                 "no segment begins where the training ends");
        }
        run.SkipTo(from.boundary + 1);
        return run.Capture(from.boundary + 1);
      });
}

absl::StatusOr<TrainedNetwork> Train(
    const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
    const Digest& trial_key, const Normalization& normalization,
    const Dataset& train, const Dataset& validation,
    const ProgressCallback& progress, const CheckpointSink& sink,
    const Checkpoint* from, const Machine& machine) {
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
  TrainedNetwork trained;
  const auto run_all = [&]() -> absl::Status {
    TrainingRun run(plan, recipe, span, trial_key.Prefix64(), normalization,
                    train, machine);
    last.step = last.steps = run.steps();
    if (from != nullptr) ARCHPOOL_RETURN_IF_ERROR(run.Restore(*from));
    ARCHPOOL_RETURN_IF_ERROR(TrainOn(
        run, recipe, from == nullptr ? 0 : from->boundary + 1, note, sink));
    trained.weights = run.Weights();
    trained.diverged_at_step = run.diverged_at_step();
    return absl::OkStatus();
  };
  ARCHPOOL_RETURN_IF_ERROR(WithinMemory(plan, recipe.batch_size, run_all));
  // A training that diverged is a result like any other: nothing is correct.
  if (trained.diverged_at_step.has_value()) return trained;
  ARCHPOOL_ASSIGN_OR_RETURN(
      trained.validation_correct, WithinMemory(plan, recipe.batch_size, [&] {
        return CountCorrect(
            plan, trained.weights, normalization, validation,
            [&] { return note(last); }, machine);
      }));
  return trained;
}

int64_t TrainingBytes(const LayerPlan& plan, int64_t batch_size) {
  constexpr auto kFloat = static_cast<int64_t>(sizeof(float));
  const int64_t images = batch_size * plan.input_shape.elements();
  int64_t running = 0;
  for (const Layer& layer : plan.layers) {
    if (layer.kind == LayerKind::kBatchNorm) running += layer.parameters;
  }
  // A checkpoint has the weights, the velocities and the running statistics.
  const int64_t checkpoint = 2 * plan.parameters + running;
  return Network::Bytes(plan.input_shape, plan.layers, batch_size) +
         (images + checkpoint) * kFloat;
}

}  // namespace archpool::kernels
