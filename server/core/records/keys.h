// SPDX-License-Identifier: Apache-2.0
// The keys of records, and maps of records by their keys, for whatever holds
// records of several kinds: the core, the stores, the simulator's oracle and
// tests. Value types; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_KEYS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_KEYS_H_

#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/container/btree_map.h"
#include "server/core/records/entities.h"

namespace archpool {

// What tells a record from the others of its kind: its id, or for kinds that
// have none, what the overload for them says.
template <typename Record>
requires requires(const Record& record) { record.id; }
auto KeyOf(const Record& record) { return record.id; }
inline Place KeyOf(const Balance& record) { return record.place; }
inline TaskId KeyOf(const Ranking& record) { return record.task; }
inline std::pair<AccountId, int64_t> KeyOf(const Owed& record) {
  return {record.account, record.position};
}
inline int KeyOf(const PoolClock&) { return 1; }  // there is one
inline const VerifierKey& KeyOf(const VerifierRecord& record) {
  return record.key;
}
inline std::pair<AccountId, Digest> KeyOf(const StoredFile& record) {
  return {record.account, record.digest};
}
inline AccountId KeyOf(const StorageUse& record) { return record.account; }
inline TrialId KeyOf(const StoredWeights& record) { return record.trial; }
inline TaskId KeyOf(const SummaryRecord& record) { return record.task; }
inline const InvitationKey& KeyOf(const Invitation& record) {
  return record.key;
}

inline const TokenKey& KeyOf(const AccountToken& record) { return record.key; }

// Kinds whose records are only ever added: an event of one replaces no other.
template <typename Record>
inline constexpr bool kIsOnlyAdded =
    std::is_same_v<Record, Transfer> || std::is_same_v<Record, Receipt>;

// Kinds whose records go one day: an event with is_gone set takes away the one
// of its key, which has to be there.
template <typename Record>
concept Removable = requires(const Record& record) {
  record.is_gone;
};

template <typename Record>
bool IsGone(const Record& record) {
  if constexpr (Removable<Record>) {
    return record.is_gone;
  } else {
    return false;
  }
}

// Kinds that are held by their key alone: the core has no index over them, and
// a store loads all that there are. A new kind starts here.
using PlainRecords = std::variant<PoolClock, VerifierRecord, StoredFile,
                                  StorageUse, Invitation, AccountToken>;

// Calls `each` with std::type_identity<Record> for every kind in `Kinds`, which
// is a variant: Event, or PlainRecords.
template <typename Kinds, typename Each>
void ForEachKind(const Each& each) {
  [&each]<typename... Records>(std::type_identity<std::variant<Records...>>) {
    (each(std::type_identity<Records>()), ...);
  }(std::type_identity<Kinds>());
}

template <typename Record>
using RecordKey = std::decay_t<decltype(KeyOf(std::declval<Record>()))>;

template <typename Record>
using RecordMap = absl::btree_map<RecordKey<Record>, Record>;

template <typename Kinds>
class RecordMaps;

// A map for each of the kinds. Iteration is in the order of keys.
template <typename... Records>
class RecordMaps<std::variant<Records...>> {
 public:
  template <typename Record>
  RecordMap<Record>& All() {
    return std::get<RecordMap<Record>>(maps_);
  }
  template <typename Record>
  const RecordMap<Record>& All() const {
    return std::get<RecordMap<Record>>(maps_);
  }
  // Replaces the one of the same key, or takes it away.
  template <typename Record>
  void Put(const Record& record) {
    if (IsGone(record)) {
      All<Record>().erase(KeyOf(record));
    } else {
      All<Record>()[KeyOf(record)] = record;
    }
  }

  // Calls `each` with the map of every kind in `Kinds`, in their order.
  template <typename Kinds, typename Each>
  void ForEach(const Each& each) const {
    ForEachKind<Kinds>([&]<typename Record>(std::type_identity<Record>) {
      each(All<Record>());
    });
  }

 private:
  std::tuple<RecordMap<Records>...> maps_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_KEYS_H_
