// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/audit_draw.h"

#include <algorithm>

#include "common/base/counter_rng.h"
#include "common/crypto/canonical.h"

namespace archpool {

AuditDraw DrawOf(const Task& task, const Trial& trial) {
  // A lease of its own id follows every other: it stands for the attempt too.
  CanonicalWriter writer("archpool/audit-draw/v1");
  writer.Int(trial.lease.value).Fixed(trial.architecture_id).Int(trial.rung);
  AuditDraw draw{.seed = HmacSha256(task.secret, writer.encoding())};
  CounterRng rng(draw.seed.Prefix64(), 0);
  draw.lot_ppm = static_cast<int64_t>(rng.Below(1'000'000));
  draw.segment = static_cast<int64_t>(
      rng.Below(static_cast<uint32_t>(task.spec->recipe.segments)));
  draw.is_whole_if_diverged = rng.Below(2) == 0;
  return draw;
}

int64_t RateAfterPass(const PoolPolicy& policy, int64_t rate_ppm) {
  return std::max(policy.audit_floor_ppm,
                  rate_ppm * policy.audit_rate_factor_ppm / 1'000'000);
}

}  // namespace archpool
