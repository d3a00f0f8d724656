// SPDX-License-Identifier: Apache-2.0
// Task specifications for tests.
#ifndef ARCHPOOL_TESTS_SUPPORT_RANDOM_SPEC_H_
#define ARCHPOOL_TESTS_SUPPORT_RANDOM_SPEC_H_

#include "common/base/counter_rng.h"
#include "common/model/task_spec.h"

namespace archpool {

// A spec whose every field differs with every draw, and that is valid.
TaskSpec RandomSpec(CounterRng& rng, const Digest& dataset);

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_RANDOM_SPEC_H_
