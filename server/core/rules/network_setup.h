// SPDX-License-Identifier: Apache-2.0
// What a task, its dataset and the pool ask of a network.
#ifndef ARCHPOOL_SERVER_CORE_RULES_NETWORK_SETUP_H_
#define ARCHPOOL_SERVER_CORE_RULES_NETWORK_SETUP_H_

#include <algorithm>
#include <cstdint>

#include "common/model/dataset_manifest.h"
#include "common/model/task_spec.h"
#include "common/nas/sampling.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"

namespace archpool {

// What is left of that much memory for a training itself: an examiner, or a
// worker, holds its program beside it, and the dataset as it came and as it is
// computed with. They count for no more than half: what is left is stated where
// a network is refused.
inline int64_t MemoryForTraining(const DatasetManifest& manifest,
                                 int64_t memory_bytes) {
  constexpr int64_t kProgramBytes = int64_t{512} << 20;
  constexpr int64_t kBytesPerValue = 1 + 4;
  const int64_t examples = manifest.train_count + manifest.validation_count +
                           manifest.held_out_count;
  return memory_bytes - std::min(memory_bytes / 2,
                                 kProgramBytes + kBytesPerValue * examples *
                                                     manifest.shape.elements());
}

// The setup of a task that is submitted now.
inline NetworkSetup SetupOf(const TaskSpec& spec,
                            const DatasetManifest& manifest,
                            const PoolPolicy& policy) {
  return {
      .input_shape = manifest.shape,
      .classes = manifest.classes,
      .limits = spec.limits,
      .batch_size = spec.recipe.batch_size,
      .checkpoints = spec.recipe.segments + 1,
      .memory_max_bytes = MemoryForTraining(manifest, policy.memory_max_bytes),
      .checkpoints_max_bytes = policy.checkpoints_max_bytes};
}

// The setup of a task, priced by the table that it was opened under.
inline NetworkSetup SetupOf(const Task& task, const DatasetManifest& manifest,
                            const PoolPolicy& policy) {
  NetworkSetup setup = SetupOf(*task.spec, manifest, policy);
  setup.cost_table_version = task.cost_table_version;
  return setup;
}

// The same for a network of which a trial was made already: the pool took its
// size then, whatever it takes now.
inline NetworkSetup SetupOfKnown(const TaskSpec& spec,
                                 const DatasetManifest& manifest,
                                 int64_t cost_table_version) {
  return {.input_shape = manifest.shape,
          .classes = manifest.classes,
          .limits = spec.limits,
          .cost_table_version = cost_table_version,
          .batch_size = spec.recipe.batch_size};
}
inline NetworkSetup SetupOfKnown(const Task& task,
                                 const DatasetManifest& manifest) {
  return SetupOfKnown(*task.spec, manifest, task.cost_table_version);
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_NETWORK_SETUP_H_
