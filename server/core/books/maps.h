// SPDX-License-Identifier: Apache-2.0
// Look-ups in maps of records and of sets of ids, for the books.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_MAPS_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_MAPS_H_

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"

namespace archpool {

// nullptr where there is none.
template <typename Map>
auto* FindIn(Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

template <typename Key, typename Item>
using SetMap = absl::btree_map<Key, absl::btree_set<Item>>;

// The set at `key`, or an empty one.
template <typename Key, typename Item>
const absl::btree_set<Item>& SetIn(const SetMap<Key, Item>& map,
                                   const Key& key) {
  static const auto* const kNone = new absl::btree_set<Item>;
  const auto found = map.find(key);
  return found == map.end() ? *kNone : found->second;
}

// An empty set is not kept.
template <typename Key, typename Item>
void RemoveFrom(SetMap<Key, Item>& map, const Key& key, const Item& item) {
  const auto found = map.find(key);
  if (found == map.end()) return;
  found->second.erase(item);
  if (found->second.empty()) map.erase(found);
}

// Puts the item into the set at `key`, or takes it out.
template <typename Key, typename Item>
void SetIn(SetMap<Key, Item>& map, const Key& key, const Item& item,
           bool is_in) {
  if (is_in) {
    map[key].insert(item);
  } else {
    RemoveFrom(map, key, item);
  }
}

// A count of 0 is not kept.
template <typename Key, typename Count>
void AddTo(absl::btree_map<Key, Count>& counts, const Key& key, Count by) {
  Count& count = counts[key];
  count += by;
  if (count == 0) counts.erase(key);
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_MAPS_H_
