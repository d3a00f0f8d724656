// SPDX-License-Identifier: Apache-2.0
// What clients and policies of random histories say. Pure functions of the
// generator.
#ifndef ARCHPOOL_TESTS_SIM_RANDOM_COMMANDS_H_
#define ARCHPOOL_TESTS_SIM_RANDOM_COMMANDS_H_

#include <cstdint>
#include <vector>

#include "common/base/counter_rng.h"
#include "server/core/commands/commands.h"
#include "server/core/records/entities.h"

namespace archpool {

// Of every training.
inline constexpr int64_t kSegments = 3;

TaskSpec RandomTinySpec(CounterRng& rng);

// Whatever a policy may say: taken ones, impossible ones, the same twice.
RankCandidates RandomRanking(CounterRng& rng, const Task& task);
// Every network of the task, in some order.
RankCandidates WholeRanking(CounterRng& rng, const Task& task);

// Whatever a verifier may say, and the claim as a rule.
AuditFinding RandomFinding(CounterRng& rng, const AuditGrant& grant);

// The sessions and trials that are of the pool's arithmetic, as another one's.
std::vector<Event> InOldArithmetic(const std::vector<Event>& records);

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SIM_RANDOM_COMMANDS_H_
