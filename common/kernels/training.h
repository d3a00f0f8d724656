// SPDX-License-Identifier: Apache-2.0
// Trains and evaluates a LayerPlan in the arithmetic of docs/arithmetic.md: the
// same plan, recipe, key and data give the same bits on every machine, with any
// number of threads. Thread-safe; each call starts and ends its own threads.
#ifndef ARCHPOOL_COMMON_KERNELS_TRAINING_H_
#define ARCHPOOL_COMMON_KERNELS_TRAINING_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/crypto/sha256.h"
#include "common/data/checkpoint.h"
#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/kernels/simd.h"
#include "common/kernels/trial.h"
#include "common/model/task_spec.h"
#include "common/nas/layer_plan.h"

namespace archpool::kernels {

// Trains `plan` on `train` under `recipe`, then counts the correct answers on
// `validation`. Initial weights, order and augmentation are drawn from
// `trial_key` alone (common/kernels/streams.h). Each rung begins with the
// weights of the one below and an optimiser at rest. Where `from` is set, a
// checkpoint of this very training, it continues from there, and `sink` hears
// of the boundaries that follow.
//
// A training diverges at the step that would make a number infinite or NaN:
// that step is not done, every later boundary has the state from before it, and
// nothing counts as correct.
//
// INVALID_ARGUMENT: DATA_MISMATCH (shape or classes differ from the plan's);
// WEIGHTS_MISMATCH, WEIGHTS_NOT_FINITE (span.resumed); CHECKPOINT_MALFORMED.
// CANCELLED: TRAINING_STOPPED. RESOURCE_EXHAUSTED: TRAINING_OUT_OF_MEMORY.
absl::StatusOr<TrainedNetwork> Train(
    const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
    const Digest& trial_key, const Normalization& normalization,
    const Dataset& train, const Dataset& validation,
    const ProgressCallback& progress, const CheckpointSink& sink = nullptr,
    const Checkpoint* from = nullptr, const Machine& machine = {});

// Where the training begins: boundary 0. Train's errors.
absl::StatusOr<Checkpoint> StartTraining(const LayerPlan& plan,
                                         const Recipe& recipe,
                                         const RungSpan& span,
                                         const Digest& trial_key,
                                         const Normalization& normalization,
                                         const Dataset& train);

// Continues from `from`, a checkpoint of the same training, to the next
// boundary. No more of `span` counts than its rung, and whether it resumed.
// Where the training diverges on the way, the checkpoint is the state from
// before that step. INVALID_ARGUMENT: DATA_MISMATCH; CHECKPOINT_MALFORMED (a
// tensor missing, left over or of another shape, a boundary with none behind
// it).
absl::StatusOr<Checkpoint> ReplaySegment(
    const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
    const Digest& trial_key, const Normalization& normalization,
    const Dataset& train, const Checkpoint& from, const Machine& machine = {});

// Hears the logits of examples `first`, `first` + 1, …, [example][class];
// returns false to stop.
using LogitsCallback =
    std::function<bool(int64_t first, absl::Span<const float> logits)>;

// Computes the logits of every example of `dataset`, in order.
// INVALID_ARGUMENT: WEIGHTS_MISMATCH (a tensor missing, left over, or of
// another shape), WEIGHTS_NOT_FINITE, DATA_MISMATCH. CANCELLED
// (TRAINING_STOPPED): `hear` answered false.
absl::Status ComputeLogits(const LayerPlan& plan, const TensorMap& weights,
                           const Normalization& normalization,
                           const Dataset& dataset, const LogitsCallback& hear,
                           const Machine& machine = {});

// The first index of the largest of one example's logits, or -1 where one of
// them is not a number.
int64_t Predict(absl::Span<const float> logits);

// How many answers are correct. `goes_on`, where it is set, is asked now and
// then. ComputeLogits' errors.
absl::StatusOr<int64_t> CountCorrect(
    const LayerPlan& plan, const TensorMap& weights,
    const Normalization& normalization, const Dataset& dataset,
    const std::function<bool()>& goes_on = nullptr,
    const Machine& machine = {});

// What Train takes in memory at its peak, when it hands a checkpoint over,
// beside the datasets: exact to a tenth, with any number of threads, who have
// nothing of their own (kernel_memory_test). Whatever the sink does comes on
// top.
int64_t TrainingBytes(const LayerPlan& plan, int64_t batch_size);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_TRAINING_H_
