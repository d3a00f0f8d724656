// What falls due, and when. Value type.
#ifndef ARCHPOOL_SERVER_CORE_STATE_DUE_H_
#define ARCHPOOL_SERVER_CORE_STATE_DUE_H_

#include <cstdint>
#include <tuple>

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

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_DUE_H_
