// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/task_memory.h"

#include <algorithm>

namespace archpool {

BoxWalk TaskMemory::WalkOf(SubspaceId box, uint64_t stream, AccountId account,
                           const TrainingRoom& room,
                           WorkUnits units_left) const {
  const auto found = walks.find(box);
  if (found == walks.end() || found->second.stream != stream) {
    return {.stream = stream};
  }
  const BoxWalk& walk = found->second;
  if (walk.IsFor(account, room, units_left)) return walk;
  return {.stream = stream,
          .looked = walk.looked_for_all,
          .looked_for_all = walk.looked_for_all,
          .taken = walk.taken};
}

void TaskMemory::GiveBack(const Digest& network) {
  // Different choices may build the same network, in other boxes too.
  absl::erase_if(walks, [&](const auto& walk) {
    return walk.second.taken.MayContain(network);
  });
  const auto passed_end =
      ranking.begin() + static_cast<std::ptrdiff_t>(ranking_begin);
  const auto passed = std::find_if(
      ranking.begin(), passed_end, [&](const RankedCandidate& candidate) {
        return candidate.possible && candidate.id == network;
      });
  ranking_begin = static_cast<size_t>(passed - ranking.begin());
}

void TaskMemory::GiveBack(const Subspace& box) {
  const auto passed_end =
      ranking.begin() + static_cast<std::ptrdiff_t>(ranking_begin);
  const auto passed = std::find_if(
      ranking.begin(), passed_end, [&](const RankedCandidate& candidate) {
        return candidate.possible && box.Contains(candidate.architecture);
      });
  ranking_begin = static_cast<size_t>(passed - ranking.begin());
}

}  // namespace archpool
