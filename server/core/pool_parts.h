// What private functions of Pool speak of. For server/core's own files alone.
#ifndef ARCHPOOL_SERVER_CORE_POOL_PARTS_H_
#define ARCHPOOL_SERVER_CORE_POOL_PARTS_H_

#include <vector>

#include "server/core/work_records.h"

namespace archpool::internal {

enum class Fault;

struct DrawnTrials {
  std::vector<Trial> trials;  // without ids, lease and account
  bool too_dear = false;      // something drawn costs more than is left
  // Every network in the box was tried, or is impossible.
  bool nothing_left = false;
};

// Sessions that an account opened in the present hour.
struct Openings {
  absl::Time begin;
  int64_t count = 0;
};

// What a lease begins with.
struct LeaseStart {
  SubspaceId box;
  std::vector<Trial> trials;  // as DrawnTrials'
};

}  // namespace archpool::internal

#endif  // ARCHPOOL_SERVER_CORE_POOL_PARTS_H_
