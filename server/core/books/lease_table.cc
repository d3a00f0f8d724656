// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/lease_table.h"

namespace archpool {

void LeaseTable::Put(const Lease& lease) {
  const Lease* before = Find(lease.id);
  IndexBackups(before, lease);
  if (before != nullptr && before->session != lease.session) {
    RemoveFrom(by_session_, before->session, lease.id);
  }
  const bool was_active = before != nullptr;
  const bool is_active = lease.state == LeaseState::kActive;
  if (was_active != is_active) {
    AddTo<AccountId, int64_t>(counts_, lease.account, is_active ? 1 : -1);
  }
  SetIn(by_session_, lease.session, lease.id, is_active);
  SetIn(by_box_, lease.subspace, lease.id, is_active);
  if (is_active) {
    leases_[lease.id] = lease;
  } else {
    leases_.erase(lease.id);
  }
  WantBackups(lease.primary.value_or(lease.id));
}

void LeaseTable::IndexBackups(const Lease* before, const Lease& lease) {
  if (before != nullptr) {
    backups_wanted_.erase({before->deadline, lease.id});
  }
  if (!lease.primary) return;
  backups_wanted_.erase({lease.deadline, *lease.primary});
  SetIn(backups_, *lease.primary, lease.id, lease.state == LeaseState::kActive);
}

void LeaseTable::WantBackups(LeaseId id) {
  const Lease* primary = Find(id);
  if (primary == nullptr) return;
  const auto running = static_cast<int64_t>(BackupsOf(id).size());
  if (BackupsWanted(*primary) > running) {
    backups_wanted_.insert({primary->deadline, id});
  } else {
    backups_wanted_.erase({primary->deadline, id});
  }
}

const Lease* LeaseTable::Find(LeaseId id) const { return FindIn(leases_, id); }

const absl::btree_set<LeaseId>& LeaseTable::Of(SessionId session) const {
  return SetIn(by_session_, session);
}

const absl::btree_set<LeaseId>& LeaseTable::On(SubspaceId box) const {
  return SetIn(by_box_, box);
}

const absl::btree_set<LeaseId>& LeaseTable::BackupsOf(LeaseId primary) const {
  return SetIn(backups_, primary);
}

int64_t LeaseTable::CountOf(AccountId account) const {
  const int64_t* count = FindIn(counts_, account);
  return count == nullptr ? 0 : *count;
}

}  // namespace archpool
