// SPDX-License-Identifier: Apache-2.0
// The search room: boxes, and what is trained next. The pool and the rooms
// above it call this; it knows none of them.
#ifndef ARCHPOOL_SERVER_CORE_SEARCH_SEARCH_H_
#define ARCHPOOL_SERVER_CORE_SEARCH_SEARCH_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/leaves/looks.h"
#include "server/core/rules/worker_means.h"
#include "server/core/state/step.h"

namespace archpool::search {

// A worker for which a task's work is searched, and what of it was passed
// over.
struct Seeker {
  const Session& session;
  TrainingRoom room;  // in this task
  // What the verifier with most memory has for an examination, where that
  // leaves less room than the worker's own.
  std::optional<int64_t> examiners_bytes;
  bool too_dear = false;  // something costs more than is left of the budget
  PassedOver too_large;   // what could be had, but for its size
  // How many stored trials may be examined for their memory and checkpoints,
  // which are in no record; those that come after them are passed over. Bounds
  // what a request costs.
  int plans_left = 64;

  // Notes what it has no room for.
  bool HasRoomFor(const TrainingSize& size);
  bool HasRoomFor(const PoolState& state, const Trial& trial);
};

Seeker SeekerFor(const Step& step, const Task& task, const Session& session);

// What a lease begins with.
struct LeaseStart {
  SubspaceId box;
  std::vector<Trial> trials;  // without ids, lease and account
};

absl::StatusOr<RankCandidates::Reply> Execute(Step& step,
                                              const RankCandidates& command);

// Work units that the task may still give out; and as far as the account may.
WorkUnits UnitsLeft(const Step& step, const Task& task);
WorkUnits UnitsLeft(const Step& step, const Task& task, AccountId account);

// How many trials of `units` fill the worker's lease.
int64_t ListTarget(const Step& step, const Task& task, const Session& session,
                   WorkUnits units);

// Begins a lease with what advances to the next rung, what the account left
// undone, the ranking, or random samples: the first of these that has
// something. Here and below: examined networks are taken from `looks`.
LeaseStart FindStart(Step& step, const Task& task, Seeker& seeker,
                     Looks& looks);
// Samples at random in the most promising open boxes.
LeaseStart StartFromSamples(Step& step, const Task& task, Seeker& seeker,
                            Looks& looks);

// At most `count` further candidates of the ranking in `box`.
std::vector<Trial> RankedIn(Step& step, const Task& task, SubspaceId box,
                            Seeker& seeker, int64_t count, WorkUnits units_left,
                            Looks& looks);

struct SampledTrials {
  std::vector<Trial> trials;  // without ids, lease and account
  // Every network in the box was tried, or is impossible.
  bool nothing_left = false;
};
SampledTrials SampleTrials(Step& step, const Task& task,
                           const SubspaceRecord& subspace, Seeker& seeker,
                           int64_t count_max, Looks& looks);

// What an account may be given of the results that advance to the next rung, of
// any box or of `box` alone, the highest rungs first; within `units_left`. An
// account continues from its own weights; what its account has not taken up for
// a lease's term since the commitment, while it holds no lease, others train
// from the start.
std::vector<Trial> Promotions(const Step& step, const Task& task,
                              Seeker& seeker, SubspaceId box, int64_t count,
                              WorkUnits units_left);

// Whether some result waits to continue, in a box that is not pruned.
bool IsPromoting(const PoolState& state, const Task& task);

// The same network at the same rung for another account, which has none of its
// weights: without ids, lease and account.
Trial FromTheStart(const PoolState& state, const Task& task,
                   const Trial& trial);

// An open box whose every architecture was accepted is completed.
void CompleteIfDone(Step& step, SubspaceId id);

// A completed box one of whose results was void is open again.
void ReopenIfCompleted(Step& step, SubspaceId id);

}  // namespace archpool::search

#endif  // ARCHPOOL_SERVER_CORE_SEARCH_SEARCH_H_
