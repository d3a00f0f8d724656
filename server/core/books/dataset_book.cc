// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/dataset_book.h"

#include "common/base/check.h"

namespace archpool {

void DatasetBook::BeIdle(Entry& entry) {
  if (entry.place != 0) idle_.erase(entry.place);
  entry.place = ++last_place_;
  idle_[entry.place] = entry.record.id;
}

void DatasetBook::Put(const DatasetRecord& dataset) {
  Entry& entry = entries_[dataset.id];
  entry.record = dataset;
  if (entry.uses == 0) BeIdle(entry);
}

void DatasetBook::Use(const Digest& id) {
  const auto found = entries_.find(id);
  ARCHPOOL_CHECK(found != entries_.end());
  Entry& entry = found->second;
  ++entry.uses;
  if (entry.place == 0) return;
  idle_.erase(entry.place);
  entry.place = 0;
}

void DatasetBook::Release(const Digest& id) {
  const auto found = entries_.find(id);
  ARCHPOOL_CHECK(found != entries_.end() && found->second.uses > 0);
  if (--found->second.uses == 0) BeIdle(found->second);
}

void DatasetBook::Trim() {
  while (idle_.size() > idle_max_) {
    entries_.erase(idle_.begin()->second);
    idle_.erase(idle_.begin());
  }
}

const DatasetRecord* DatasetBook::Find(const Digest& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.record;
}

bool DatasetBook::IsInUse(const Digest& id) const {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.uses > 0;
}

std::vector<DatasetRecord> DatasetBook::InUse() const {
  std::vector<DatasetRecord> in_use;
  for (const auto& [id, entry] : entries_) {
    if (entry.uses > 0) in_use.push_back(entry.record);
  }
  return in_use;
}

}  // namespace archpool
