// SPDX-License-Identifier: Apache-2.0
#include "common/data/checkpoint.h"

#include <cmath>

#include "common/base/status.h"

namespace archpool {

Tensor DivergenceTensor(int64_t step) {
  return Tensor{{2},
                {static_cast<float>(step >> 20),
                 static_cast<float>(step & ((1 << 20) - 1))}};
}

std::optional<int64_t> DivergedAtStep(const Checkpoint& checkpoint) {
  const auto found = checkpoint.optimizer.find(std::string(kDivergedAtStep));
  if (found == checkpoint.optimizer.end() || found->second.values.size() != 2) {
    return std::nullopt;
  }
  constexpr float kHalf = 1 << 20;
  for (const float value : found->second.values) {
    if (!(value >= 0 && value < kHalf && value == std::floor(value))) {
      return std::nullopt;
    }
  }
  return (static_cast<int64_t>(found->second.values[0]) << 20) +
         static_cast<int64_t>(found->second.values[1]);
}

CheckpointBytes SerializeCheckpoint(const Checkpoint& checkpoint) {
  return {SerializeSafetensors(checkpoint.weights),
          SerializeSafetensors(checkpoint.optimizer)};
}

absl::StatusOr<Checkpoint> ParseCheckpoint(int64_t boundary,
                                           absl::string_view weights,
                                           absl::string_view optimizer,
                                           const SafetensorsLimits& limits) {
  Checkpoint checkpoint{.boundary = boundary, .weights = {}, .optimizer = {}};
  ARCHPOOL_ASSIGN_OR_RETURN(checkpoint.weights,
                            ParseSafetensors(weights, limits));
  ARCHPOOL_ASSIGN_OR_RETURN(checkpoint.optimizer,
                            ParseSafetensors(optimizer, limits));
  return checkpoint;
}

}  // namespace archpool
