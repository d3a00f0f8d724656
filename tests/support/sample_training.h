// SPDX-License-Identifier: Apache-2.0
// A fake training as it was committed, and what audits of it ask for. Header
// only; for tests.
#ifndef ARCHPOOL_TESTS_SUPPORT_SAMPLE_TRAINING_H_
#define ARCHPOOL_TESTS_SUPPORT_SAMPLE_TRAINING_H_

#include <string>
#include <vector>

#include "common/data/checkpoint.h"
#include "common/model/commitment.h"
#include "tests/support/fake_network.h"
#include "tests/support/work_samples.h"

namespace archpool::testing {

class SampleTraining {
 public:
  // An honest one of `order`'s trial.
  explicit SampleTraining(const wire::AuditOrder& order) {
    Checkpoint at = FakeStart(order.assignment.plan, order.assignment.rung,
                              order.assignment.trial_key, -1);
    checkpoints.push_back(at);
    while (at.boundary < order.recipe.segments) {
      at = FakeNext(order.assignment.trial_key,
                    FakeSalt(order.recipe, order.manifest.train_count, 1), at);
      checkpoints.push_back(at);
    }
  }

  CheckpointChain Chain() const {
    std::vector<CheckpointFiles> files;
    for (const Checkpoint& checkpoint : checkpoints) {
      const CheckpointBytes bytes = SerializeCheckpoint(checkpoint);
      files.push_back(FilesOf(bytes.weights, bytes.optimizer));
    }
    return CheckpointChain(files);
  }

  // Writes the commitment, and the opening of `segment`, into the order.
  void CommitTo(wire::AuditOrder& order, int64_t segment) const {
    const CheckpointChain chain = Chain();
    order.checkpoint_root = chain.Root();
    order.weights = chain.boundary(chain.segments()).weights;
    order.weights_size_bytes =
        chain.boundary(chain.segments()).weights_size_bytes;
    order.segment = segment;
    order.opening = chain.Open(segment);
  }

  CheckpointBytes BytesAt(int64_t boundary) const {
    return SerializeCheckpoint(checkpoints[static_cast<size_t>(boundary)]);
  }

  std::vector<Checkpoint> checkpoints;
};

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_SAMPLE_TRAINING_H_
