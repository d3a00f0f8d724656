// SPDX-License-Identifier: Apache-2.0
// Drops the checkpoints that audits asked for once their audit is over, and at
// each load those that no open audit wants: a server that ended left them.
// Called on the engine's threads (EngineListener).
#ifndef ARCHPOOL_SERVER_ENGINE_CHECKPOINT_CLEANER_H_
#define ARCHPOOL_SERVER_ENGINE_CHECKPOINT_CLEANER_H_

#include "absl/container/btree_set.h"
#include "absl/types/span.h"
#include "common/model/ids.h"
#include "server/engine/engine_listener.h"
#include "server/engine/executor.h"
#include "server/storage/checkpoint_blobs.h"

namespace archpool {

class CheckpointCleaner : public EngineListener {
 public:
  // Files are dropped on `chores`. Both outlive the cleaner, and `chores` has
  // stopped by the time that `checkpoints` go.
  CheckpointCleaner(const CheckpointBlobs& checkpoints, Executor& chores)
      : checkpoints_(checkpoints), chores_(chores) {}

  void OnCommit(absl::Span<const Event> events) override;
  // Waits for the disk, the one call that does: what is uploaded for an audit
  // that is asked for next must not be among what is dropped.
  void OnLoad(const PoolSnapshot& snapshot) override;

 private:
  const CheckpointBlobs& checkpoints_;
  Executor& chores_;
  // Trials of which `chores_` has not taken yet that their checkpoints go.
  absl::btree_set<TrialId> unwanted_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_ENGINE_CHECKPOINT_CLEANER_H_
