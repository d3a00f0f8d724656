#include "common/data/checkpoint.h"

#include "common/base/status.h"

namespace archpool {

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
