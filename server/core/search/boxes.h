// SPDX-License-Identifier: Apache-2.0
// How boxes are split and pruned. For the search room's own files.
#ifndef ARCHPOOL_SERVER_CORE_SEARCH_BOXES_H_
#define ARCHPOOL_SERVER_CORE_SEARCH_BOXES_H_

#include "server/core/state/step.h"

namespace archpool::search {

// Splits an open box where its results differ most between the choices of one
// dimension, if they do: work continues in the better part. False: nothing to
// gain, or too few results.
bool SplitByResults(Step& step, SubspaceId id);

// Splits the part with `candidate` off a leased box, as large as the list in
// progress allows; an unset id where the two cannot be told apart.
SubspaceId StealBox(Step& step, SubspaceId id, const Architecture& candidate);

// Prunes an open box whose results say that it will not hold the task's best.
bool PruneIfHopeless(Step& step, SubspaceId id);

}  // namespace archpool::search

#endif  // ARCHPOOL_SERVER_CORE_SEARCH_BOXES_H_
