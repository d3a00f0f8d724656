// SPDX-License-Identifier: Apache-2.0
// Who is given no more than it can hold and send.
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
  if (room.HoldsAnything() || !room.Fits(size)) {
    return HasRoomFor(size);
  }
  if (--plans_left < 0) return false;
  return HasRoomFor(SizeOf(state, trial));
}

Seeker SeekerFor(const Step& step, const Task& task, const Session& session) {
  const DatasetManifest& manifest = ManifestOf(step.state, task.id);
  Seeker seeker{
      .session = session,
      .room = RoomFor(step.memory.means.Of(session.id), manifest, step.policy)};
  const int64_t examiners_bytes =
      step.memory.verifiers.MemoryMaxBytes(step.policy, step.now);
  if (examiners_bytes >= step.policy.memory_max_bytes) return seeker;
  const int64_t room_bytes = MemoryForTraining(manifest, examiners_bytes);
  if (room_bytes < seeker.room.memory_max_bytes) {
    seeker.room.memory_max_bytes = room_bytes;
    seeker.examiners_bytes = examiners_bytes;
  }
  return seeker;
}

}  // namespace archpool::search
