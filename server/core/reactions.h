// SPDX-License-Identifier: Apache-2.0
// What the rooms' facts bring about in one another. For the pool's own files.
#ifndef ARCHPOOL_SERVER_CORE_REACTIONS_H_
#define ARCHPOOL_SERVER_CORE_REACTIONS_H_

#include "server/core/state/step.h"

namespace archpool {

// Until no fact is left. Facts are taken in the order in which they were
// stated, each with all that follows from it; tasks are settled last.
void React(Step& step);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_REACTIONS_H_
