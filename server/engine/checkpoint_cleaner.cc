// SPDX-License-Identifier: Apache-2.0
#include "server/engine/checkpoint_cleaner.h"

#include <variant>

#include "absl/container/btree_set.h"

namespace archpool {

void CheckpointCleaner::OnCommit(absl::Span<const Event> events) {
  for (const Event& event : events) {
    const auto* audit = std::get_if<Audit>(&event);
    if (audit == nullptr) continue;
    if (audit->state == AuditState::kDone) {
      unwanted_.insert(audit->trial);
    } else {
      unwanted_.erase(audit->trial);  // asked for once more
    }
  }
  while (!unwanted_.empty()) {
    const TrialId trial = *unwanted_.begin();
    const absl::Status taken =
        chores_.Run([this, trial] { checkpoints_.Drop(trial); });
    // Where too much waits already, they go after a later commit.
    if (!taken.ok()) break;
    unwanted_.erase(unwanted_.begin());
  }
}

void CheckpointCleaner::OnLoad(const PoolSnapshot& snapshot) {
  absl::btree_set<TrialId> audited;
  for (const Event& event : snapshot.records) {
    const auto* audit = std::get_if<Audit>(&event);
    if (audit != nullptr) audited.insert(audit->trial);
  }
  checkpoints_.DropAllBut(audited);
  unwanted_.clear();
}

}  // namespace archpool
