// SPDX-License-Identifier: Apache-2.0
// The active leases: who holds them, where, and which want backups.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_LEASE_TABLE_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_LEASE_TABLE_H_

#include <cstdint>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/core/books/maps.h"
#include "server/core/records/entities.h"

namespace archpool {

// Value type; thread-compatible. Pointers hold until the next Put.
class LeaseTable {
 public:
  // One that has ended is forgotten.
  void Put(const Lease& lease);

  const Lease* Find(LeaseId id) const;  // nullptr where there is none
  const absl::btree_map<LeaseId, Lease>& all() const { return leases_; }
  const absl::btree_set<LeaseId>& Of(SessionId session) const;
  const absl::btree_set<LeaseId>& On(SubspaceId box) const;
  int64_t CountOf(AccountId account) const;
  // Active ones; the primary itself may have ended.
  const absl::btree_set<LeaseId>& BackupsOf(LeaseId primary) const;
  // Leases that want more backups than they have, by deadline.
  const absl::btree_set<std::pair<absl::Time, LeaseId>>& backups_wanted()
      const {
    return backups_wanted_;
  }

 private:
  void IndexBackups(const Lease* before, const Lease& lease);
  void WantBackups(LeaseId id);

  absl::btree_map<LeaseId, Lease> leases_;
  SetMap<SessionId, LeaseId> by_session_;
  SetMap<SubspaceId, LeaseId> by_box_;
  absl::btree_map<AccountId, int64_t> counts_;
  SetMap<LeaseId, LeaseId> backups_;
  absl::btree_set<std::pair<absl::Time, LeaseId>> backups_wanted_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_LEASE_TABLE_H_
