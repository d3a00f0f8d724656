// SPDX-License-Identifier: Apache-2.0
// How large a miner's answers to the pool's questions are. Pure; thread-safe.
#ifndef ARCHPOOL_SERVER_CORE_RULES_ANSWER_SIZE_H_
#define ARCHPOOL_SERVER_CORE_RULES_ANSWER_SIZE_H_

#include <cstdint>

#include "server/core/records/entities.h"

namespace archpool {

// Weights are float32 per parameter and buffer, and a header.
int64_t WeightsSizeMaxBytes(const Trial& trial);

// About how many bytes these parts of an answer (AuditPart) are; as many for
// each as the trial's weights take.
int64_t AnswerSizeBytes(const Trial& trial, int64_t parts);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_ANSWER_SIZE_H_
