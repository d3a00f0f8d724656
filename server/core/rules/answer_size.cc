// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/answer_size.h"

namespace archpool {

int64_t WeightsSizeMaxBytes(const Trial& trial) {
  return 4 * (3 * trial.parameters + 1024) + (1 << 20);
}

int64_t AnswerSizeBytes(const Trial& trial, int64_t parts) {
  int64_t files = 0;
  for (const int64_t part :
       {kPartWeights, kPartBeginWeights, kPartBeginOptimizer}) {
    if ((parts & part) != 0) ++files;
  }
  return files * CommitmentOf(trial).weights_size_bytes;
}

}  // namespace archpool
