// What a task, its dataset and the pool ask of a network.
#ifndef ARCHPOOL_SERVER_CORE_CANDIDATE_TERMS_H_
#define ARCHPOOL_SERVER_CORE_CANDIDATE_TERMS_H_

#include "common/data/dataset.h"
#include "common/model/task_spec.h"
#include "common/nas/sampling.h"
#include "server/core/policy.h"

namespace archpool {

inline NetworkTerms TermsOf(const TaskSpec& spec,
                            const DatasetManifest& manifest,
                            const PoolPolicy& policy) {
  return {.input_shape = manifest.shape,
          .classes = manifest.classes,
          .limits = spec.limits,
          .batch_size = spec.recipe.batch_size,
          .checkpoints = spec.recipe.segments + 1,
          .memory_max_bytes = policy.memory_max_bytes,
          .checkpoints_max_bytes = policy.checkpoints_max_bytes};
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_CANDIDATE_TERMS_H_
