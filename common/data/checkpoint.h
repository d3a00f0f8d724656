// SPDX-License-Identifier: Apache-2.0
// A training between two segments, in memory and as files. Value types;
// thread-compatible.
#ifndef ARCHPOOL_COMMON_DATA_CHECKPOINT_H_
#define ARCHPOOL_COMMON_DATA_CHECKPOINT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/data/safetensors.h"

namespace archpool {

// All that decides how a training continues. Boundary 0 is its start,
// recipe.segments its end.
struct Checkpoint {
  int64_t boundary = 0;
  TensorMap weights;    // parameters and normalisation buffers
  TensorMap optimizer;  // its state, one tensor a parameter
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// A training that diverges stops at the step that would make a number infinite
// or NaN (docs/arithmetic.md). From the next boundary on its optimiser's state
// says at which, counted from 0, in this tensor of two values: the number
// divided by 2^20, and the rest.
inline constexpr absl::string_view kDivergedAtStep = "diverged_at_step";
inline constexpr int64_t kStepOfDivergenceMax = int64_t{1} << 40;

// REQUIRES: step in [0, kStepOfDivergenceMax).
Tensor DivergenceTensor(int64_t step);
// Unset: it has not diverged, or the tensor is none that a training writes.
std::optional<int64_t> DivergedAtStep(const Checkpoint& checkpoint);

// Its two files, as canonical safetensors.
struct CheckpointBytes {
  std::string weights;
  std::string optimizer;
};

CheckpointBytes SerializeCheckpoint(const Checkpoint& checkpoint);

// From bytes of strangers. ParseSafetensors' errors.
absl::StatusOr<Checkpoint> ParseCheckpoint(int64_t boundary,
                                           absl::string_view weights,
                                           absl::string_view optimizer,
                                           const SafetensorsLimits& limits);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_CHECKPOINT_H_
