// What private functions of Pool speak of. For server/core's own files alone.
#ifndef ARCHPOOL_SERVER_CORE_POOL_PARTS_H_
#define ARCHPOOL_SERVER_CORE_POOL_PARTS_H_

#include <vector>

#include "server/core/records/work_records.h"
#include "server/core/rules/policy.h"
#include "server/core/rules/worker_means.h"
#include "server/core/state/pool_state.h"

namespace archpool::internal {

enum class Fault;

// A worker for which a task's work is looked through, and what of it was passed
// over.
struct Seeker {
  const Session& session;
  TrainingRoom room;      // in this task
  bool too_dear = false;  // something costs more than is left of the budget
  PassedOver too_large;   // what could be had, but for its size
  // Of stored trials, whose memory is in no record: as many are looked into,
  // and what comes after them is passed over. Bounds what a request costs.
  int plans_left = 64;

  // Notes what it has no room for.
  bool HasRoomFor(const TrainingSize& size);
  bool HasRoomFor(const PoolState& state, const Trial& trial);
};

Seeker SeekerFor(const PoolState& state, const PoolPolicy& policy,
                 const MeansBook& means, const Task& task,
                 const Session& session);

struct DrawnTrials {
  std::vector<Trial> trials;  // without ids, lease and account
  // Every network in the box was tried, or is impossible.
  bool nothing_left = false;
};

// What an account opened in the present hour: sessions; subspaces of tasks.
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
