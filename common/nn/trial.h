// SPDX-License-Identifier: Apache-2.0
// Trains and evaluates a LayerPlan with LibTorch: a reference for tests and
// benches, which the pool's own trainings (common/kernels/training.h) are
// measured against. The same plan, recipe, key and data give the same bits on
// one machine, with one thread. No LibTorch type appears here.
#ifndef ARCHPOOL_COMMON_NN_TRIAL_H_
#define ARCHPOOL_COMMON_NN_TRIAL_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"
#include "common/data/checkpoint.h"
#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/kernels/trial.h"
#include "common/model/task_spec.h"
#include "common/nas/layer_plan.h"

namespace archpool::nn {

using kernels::CheckpointSink;
using kernels::Normalization;
using kernels::ProgressCallback;
using kernels::RungSpan;
using kernels::SegmentBoundary;
using kernels::TrainedNetwork;
using kernels::TrainingProgress;

// Whether a training of this folder has come to nothing: a weight is NaN or
// infinite, or all of them are zero. It ends at the first such boundary behind
// its start.
bool HasDiverged(const TensorMap& weights);

// Sets LibTorch, BLAS and oneDNN to `threads` threads and deterministic
// algorithms, and tells glibc's malloc to keep freed memory: activations are
// made again at every step. Call it before other threads compute.
void ConfigureRuntime(int threads);

// Trains `plan` on `train` under `recipe`, then counts the correct answers on
// `validation`. Initial weights, order and augmentation are drawn from
// `trial_key` alone (streams in common/kernels/streams.h). Each rung begins
// with the weights of the one below and an optimiser at rest. A training that
// has diverged (HasDiverged) ends at that boundary. Where `from`
// is set, a checkpoint of this very training, it continues from there, and
// `sink` hears of the boundaries that follow. INVALID_ARGUMENT: DATA_MISMATCH
// (shape or classes differ from the plan's); WEIGHTS_MISMATCH,
// WEIGHTS_NOT_FINITE (span.resumed); CHECKPOINT_MALFORMED. INTERNAL:
// TRAINING_FAILED (LibTorch threw); CANCELLED: TRAINING_STOPPED.
// RESOURCE_EXHAUSTED: TRAINING_OUT_OF_MEMORY.
absl::StatusOr<TrainedNetwork> Train(
    const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
    const Digest& trial_key, const Normalization& normalization,
    const Dataset& train, const Dataset& validation,
    const ProgressCallback& progress, const CheckpointSink& sink = nullptr,
    const Checkpoint* from = nullptr);

// Where the training begins: boundary 0. Train's errors.
absl::StatusOr<Checkpoint> StartTraining(const LayerPlan& plan,
                                         const Recipe& recipe,
                                         const RungSpan& span,
                                         const Digest& trial_key,
                                         const Normalization& normalization,
                                         const Dataset& train);

// Continues from `from`, a checkpoint of the same training, to the next
// boundary: on the same machine the same bits. No more of `span` counts than
// its rung, and whether it resumed.
// INVALID_ARGUMENT: DATA_MISMATCH; CHECKPOINT_MALFORMED (a tensor missing, left
// over or of another shape, a boundary with none behind it).
// INTERNAL: TRAINING_FAILED.
absl::StatusOr<Checkpoint> ReplaySegment(
    const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
    const Digest& trial_key, const Normalization& normalization,
    const Dataset& train, const Checkpoint& from);

// Builds `plan`'s network, loads `weights` into it and counts the correct
// answers on `dataset`. A prediction is the first index of the largest logit;
// an example whose logits hold a NaN counts as wrong.
// `goes_on`, where it is set, is asked between batches.
// INVALID_ARGUMENT: WEIGHTS_MISMATCH (a tensor missing, left over, or of
// another shape), WEIGHTS_NOT_FINITE, DATA_MISMATCH. CANCELLED
// (TRAINING_STOPPED): `goes_on` answered false.
absl::StatusOr<int64_t> CountCorrect(
    const LayerPlan& plan, const TensorMap& weights,
    const Normalization& normalization, const Dataset& dataset,
    const std::function<bool()>& goes_on = nullptr);

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_TRIAL_H_
