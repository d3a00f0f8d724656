// SPDX-License-Identifier: Apache-2.0
// Whether what an earlier task found is a result of another one.
#ifndef ARCHPOOL_SERVER_CORE_RULES_KNOWN_RESULT_H_
#define ARCHPOOL_SERVER_CORE_RULES_KNOWN_RESULT_H_

#include "common/model/task_spec.h"
#include "common/nas/sampling.h"
#include "server/core/records/entities.h"

namespace archpool {

// Whether `trial`, with its architecture as it is spelt in `spec`'s space, is
// an accepted one of a network of that space, within the limits and rungs of
// the task. The same choices are another network where the template differs.
// `setup`: SetupOfKnown's for `spec`. Builds the network: microseconds.
bool IsResultOf(const TaskSpec& spec, const NetworkSetup& setup,
                const Trial& trial);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_KNOWN_RESULT_H_
