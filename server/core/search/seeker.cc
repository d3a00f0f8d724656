// SPDX-License-Identifier: Apache-2.0
// Who is given no more than it can hold and send.
#include "common/base/check.h"
#include "common/nas/sampling.h"
#include "server/core/rules/network_setup.h"
#include "server/core/search/search.h"
#include "server/core/state/queries.h"

namespace archpool::search {

bool Seeker::HasRoomFor(const TrainingSize& size) {
  if (room.Fits(size)) return true;
  too_large.Add(size, room);
  return false;
}

bool Seeker::HasRoomFor(const PoolState& state, const Trial& trial) {
  TrainingSize size{.parameters = trial.parameters, .memory_bytes = 0};
  if (room.memory_max_bytes == INT64_MAX || !room.Fits(size)) {
    return HasRoomFor(size);
  }
  if (--plans_left < 0) return false;
  const Task& task = *state.Find(trial.task);
  const TaskSpec& spec = *task.spec;
  const absl::StatusOr<Candidate> candidate =
      MakeCandidate(spec.space, trial.architecture,
                    SetupOfKnown(task, ManifestOf(state, trial.task)));
  ARCHPOOL_CHECK(candidate.ok());
  return HasRoomFor(SizeOf(candidate->plan, spec.recipe.batch_size));
}

Seeker SeekerFor(const PoolState& state, const PoolPolicy& policy,
                 const MeansBook& means, const Task& task,
                 const Session& session) {
  return {.session = session,
          .room = RoomFor(means.Of(session.id), ManifestOf(state, task.id),
                          policy)};
}

}  // namespace archpool::search
