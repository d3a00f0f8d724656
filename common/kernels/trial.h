// SPDX-License-Identifier: Apache-2.0
// The words of a training: what it is given, what it tells on its way, and what
// it comes to. Value types; thread-compatible.
#ifndef ARCHPOOL_COMMON_KERNELS_TRIAL_H_
#define ARCHPOOL_COMMON_KERNELS_TRIAL_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "common/data/checkpoint.h"
#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"

namespace archpool::kernels {

// Called between steps, and between the batches of the evaluation that follows
// the last one, on the training thread. Return false to stop: training then
// answers CANCELLED (TRAINING_STOPPED).
struct TrainingProgress {
  int64_t step = 0;
  int64_t steps = 0;
  double loss = 0;  // of the last batch; for people, never for decisions
};
using ProgressCallback = std::function<bool(const TrainingProgress&)>;

struct TrainedNetwork {
  // Parameters and batch-norm buffers, named "layers.<index>.<tensor>".
  TensorMap weights;
  int64_t validation_correct = 0;
  // The step that was not done, counted from 0 over all rungs trained: the
  // training diverged there. Unset where it did not.
  std::optional<int64_t> diverged_at_step;
};

// Which rungs of a recipe to train.
struct RungSpan {
  int64_t rung = 0;  // the last one, whose result counts
  // The weights that the rung below ended with; null: train from the start,
  // rung after rung.
  const TensorMap* resumed = nullptr;
};

// The step at which segment `boundary` begins, of `segments` nearly equal ones;
// boundary `segments` is the end. REQUIRES: boundary in [0, segments].
int64_t SegmentBoundary(int64_t steps, int64_t segments, int64_t boundary);

// Hears of every boundary in turn (weights as TrainedNetwork's, the optimiser's
// state as "velocity.layers.<index>.<tensor>", flat), on the training thread;
// an error ends the training.
using CheckpointSink = std::function<absl::Status(const Checkpoint&)>;

struct Normalization {
  int64_t mean_ppm = 0;
  int64_t deviation_ppm = 1'000'000;
};

// INVALID_ARGUMENT (DATA_MISMATCH): `data`'s shape or classes are not those of
// `plan`, or it is empty.
absl::Status CheckData(const LayerPlan& plan, const Dataset& data);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_TRIAL_H_
