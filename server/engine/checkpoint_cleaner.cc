// SPDX-License-Identifier: Apache-2.0
#include "server/engine/checkpoint_cleaner.h"

#include <variant>

#include "absl/container/btree_set.h"

namespace archpool {

void CheckpointCleaner::OnCommit(absl::Span<const Event> events) {
  for (const Event& event : events) {
    const auto* audit = std::get_if<Audit>(&event);
    if (audit == nullptr || audit->state != AuditState::kDone) continue;
    // Refused, they are dropped at the next start.
    (void)chores_.Run(
        [this, trial = audit->trial] { checkpoints_.Drop(trial); });
  }
}

void CheckpointCleaner::OnLoad(const PoolSnapshot& snapshot) {
  absl::btree_set<TrialId> audited;
  for (const Event& event : snapshot.records) {
    const auto* audit = std::get_if<Audit>(&event);
    if (audit != nullptr) audited.insert(audit->trial);
  }
  checkpoints_.DropAllBut(audited);
}

}  // namespace archpool
