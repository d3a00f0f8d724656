#include "common/data/checkpoint.h"

#include <cmath>

#include "common/base/status.h"

namespace archpool {

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
