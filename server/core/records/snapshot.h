// SPDX-License-Identifier: Apache-2.0
// What a Pool starts from. Value types; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_SNAPSHOT_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_SNAPSHOT_H_

#include <cstdint>
#include <type_traits>
#include <vector>

#include "server/core/records/entities.h"
#include "server/core/records/keys.h"

namespace archpool {

// The ids that were handed out last, per kind.
struct LastIds {
  int64_t account = 0;
  int64_t task = 0;
  int64_t subspace = 0;
  int64_t session = 0;
  int64_t lease = 0;
  int64_t trial = 0;
  int64_t audit = 0;
  int64_t transfer = 0;
  int64_t payout = 0;
  int64_t receipt = 0;

  int64_t& Of(AccountId) { return account; }
  int64_t& Of(TaskId) { return task; }
  int64_t& Of(SubspaceId) { return subspace; }
  int64_t& Of(SessionId) { return session; }
  int64_t& Of(LeaseId) { return lease; }
  int64_t& Of(TrialId) { return trial; }
  int64_t& Of(AuditId) { return audit; }
  int64_t& Of(TransferId) { return transfer; }
  int64_t& Of(PayoutId) { return payout; }
  int64_t& Of(ReceiptId) { return receipt; }

  friend bool operator==(const LastIds&, const LastIds&) = default;
};

// Kinds of records that the core numbers from 1 on.
template <typename Record>
concept Numbered = requires(const Record& record, LastIds& last) {
  last.Of(record.id);
};

// The greatest ids in the maps; 0 where there is none.
template <typename Kinds>
LastIds LastIdsIn(const RecordMaps<Kinds>& maps) {
  LastIds last;
  ForEachKind<Kinds>([&]<typename Record>(std::type_identity<Record>) {
    if constexpr (Numbered<Record>) {
      const RecordMap<Record>& map = maps.template All<Record>();
      if (map.empty()) return;
      const auto id = map.rbegin()->first;
      last.Of(id) = id.value;
    }
  });
  return last;
}

// What the store hands to a new Pool: every account; the balances that are not
// 0; open sessions; tasks that have not ended, with their datasets, all their
// subspaces and trials, their active leases and open audits; payouts that have
// not ended; what is still owed. Requests that became something else, and other
// datasets, are looked up when somebody asks (archive.h).
struct PoolSnapshot {
  std::vector<Event> records;
  LastIds last_ids;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_SNAPSHOT_H_
