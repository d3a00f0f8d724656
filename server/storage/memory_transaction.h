// One transaction on the tables of MemoryStore. Not thread-safe.
#ifndef ARCHPOOL_SERVER_STORAGE_MEMORY_TRANSACTION_H_
#define ARCHPOOL_SERVER_STORAGE_MEMORY_TRANSACTION_H_

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/types/span.h"
#include "server/core/records/entities.h"
#include "server/storage/memory_constraints.h"

namespace archpool::memory {

struct Tables {
  std::tuple<
      absl::btree_map<AccountId, Account>,
      absl::btree_map<Digest, DatasetRecord>, absl::btree_map<TaskId, Task>,
      absl::btree_map<SubspaceId, SubspaceRecord>,
      absl::btree_map<SessionId, Session>, absl::btree_map<LeaseId, Lease>,
      absl::btree_map<TrialId, Trial>, absl::btree_map<AuditId, Audit>,
      absl::btree_map<Place, Balance>, absl::btree_map<TransferId, Transfer>,
      absl::btree_map<TaskId, Ranking>, absl::btree_map<PayoutId, Payout>,
      absl::btree_map<std::pair<AccountId, int64_t>, Owed>,
      absl::btree_map<ReceiptId, Receipt>, absl::btree_map<int, PoolClock>,
      absl::btree_map<VerifierKey, VerifierRecord>>
      maps;
  // How many records claim a key.
  absl::btree_map<UniqueKey, int64_t> claims;

  template <typename Key, typename Record>
  absl::btree_map<Key, Record>& All() {
    return std::get<absl::btree_map<Key, Record>>(maps);
  }
  template <typename Key, typename Record>
  const absl::btree_map<Key, Record>& All() const {
    return std::get<absl::btree_map<Key, Record>>(maps);
  }
};

// Applies `events` in order, the last of each record counting. Where that would
// break a constraint, changes nothing and returns its name; otherwise "".
std::string Apply(Tables& tables, absl::Span<const Event> events);

}  // namespace archpool::memory

#endif  // ARCHPOOL_SERVER_STORAGE_MEMORY_TRANSACTION_H_
