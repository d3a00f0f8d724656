// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/task_memory.h"

namespace archpool {

BoxWalk TaskMemory::WalkOf(SubspaceId box, uint64_t stream, AccountId account,
                           const TrainingRoom& room) const {
  const auto found = walks.find(box);
  if (found == walks.end() || found->second.stream != stream) {
    return {.stream = stream};
  }
  const BoxWalk& walk = found->second;
  if (walk.IsFor(account, room)) return walk;
  return {.stream = stream,
          .looked = walk.looked_for_all,
          .looked_for_all = walk.looked_for_all};
}

}  // namespace archpool
