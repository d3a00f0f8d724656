// SPDX-License-Identifier: Apache-2.0
// Which trials are audited, and where: drawn after the commitment by a keyed
// hash that the miner cannot know before, and that the operator can show
// afterwards (docs/adr/0014-commit-draw-open-replay.md). Pure.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_AUDIT_DRAW_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_AUDIT_DRAW_H_

#include <cstdint>

#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"

namespace archpool {

struct AuditDraw {
  int64_t lot_ppm = 0;  // in [0, 1'000'000): drawn where it is below the rate
  int64_t segment = 0;
  // If a training is said to have diverged, the segment in which it did is
  // replayed every time: every other time as a part of the whole, because what
  // that segment begins with could be made up so that it diverges.
  bool is_whole_if_diverged = false;
  Digest seed;  // for what is drawn in examining it
};

// The trial's lot under its task's secret.
AuditDraw DrawOf(const Task& task, const Trial& trial);

// The account's rate after an audit that passed.
int64_t RateAfterPass(const PoolPolicy& policy, int64_t rate_ppm);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_AUDIT_DRAW_H_
