// SPDX-License-Identifier: Apache-2.0
// What falls due, and when.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_DUE_QUEUE_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_DUE_QUEUE_H_

#include <cstdint>
#include <tuple>

#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/core/records/entities.h"

namespace archpool {

struct Due {
  absl::Time time = absl::InfiniteFuture();
  enum class Kind { kTask, kLease, kUpload, kAudit, kCheck } kind = Kind::kTask;
  int64_t id = 0;
  friend bool operator<(const Due& a, const Due& b) {
    return std::tie(a.time, a.kind, a.id) < std::tie(b.time, b.kind, b.id);
  }
  friend bool operator==(const Due&, const Due&) = default;
};

// What falls due for a record, or infinity.
Due DueOf(const Task& task);
Due DueOf(const Lease& lease);    // unless it gives a sign of life
Due CheckOf(const Lease& lease);  // its progress
Due DueOf(const Trial& trial);
Due DueOf(const Audit& audit);

// All of it, soonest first. Value type; thread-compatible.
class DueQueue {
 public:
  // What `before` (nullptr for a new record) had in it is replaced by what
  // `after` has.
  template <typename Record>
  void Put(const Record* before, const Record& after) {
    Replace(before == nullptr ? Due() : DueOf(*before), DueOf(after));
  }
  void Put(const Lease* before, const Lease& after);

  const absl::btree_set<Due>& all() const { return all_; }

 private:
  void Replace(const Due& before, const Due& after);

  absl::btree_set<Due> all_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_DUE_QUEUE_H_
