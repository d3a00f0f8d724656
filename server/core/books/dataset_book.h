// SPDX-License-Identifier: Apache-2.0
// Datasets: those that open tasks are of, and the latest others. An older one
// is the archive's to tell (server/core/state/look_up.h).
//
// Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_DATASET_BOOK_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_DATASET_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "common/crypto/sha256.h"
#include "server/core/records/entities.h"

namespace archpool {

// More than the commands of one commit register, as kLatestRequestsMax is: none
// is let go of before it is durable. Nor is one as soon as its last task ends:
// whatever the end of a task brings about still finds it.
inline constexpr size_t kIdleDatasetsMax = 16'384;

class DatasetBook {
 public:
  // Trim leaves `idle_max` datasets beside those in use.
  explicit DatasetBook(size_t idle_max = kIdleDatasetsMax)
      : idle_max_(idle_max) {}

  // Registered, or said once more: then it is the latest again.
  void Put(const DatasetRecord& dataset);

  // One more open task is of it, and one fewer. REQUIRES: it is held, and in
  // use where one fewer is.
  void Use(const Digest& id);
  void Release(const Digest& id);

  // Lets go of the oldest that are in no use. Apart from Put, since a snapshot
  // puts all datasets before the tasks that use them.
  void Trim();

  // nullptr where it is not held. Holds until the next change.
  const DatasetRecord* Find(const Digest& id) const;

  bool IsInUse(const Digest& id) const;
  std::vector<DatasetRecord> InUse() const;  // by id
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    DatasetRecord record;
    int64_t uses = 0;   // open tasks
    int64_t place = 0;  // in idle_; 0: it is in use
  };
  void BeIdle(Entry& entry);

  size_t idle_max_;
  absl::btree_map<Digest, Entry> entries_;
  int64_t last_place_ = 0;
  absl::btree_map<int64_t, Digest> idle_;  // the oldest first
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_DATASET_BOOK_H_
