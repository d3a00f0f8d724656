// SPDX-License-Identifier: Apache-2.0
#include "server/core/proof/audit_plant.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/counter_rng.h"
#include "common/crypto/canonical.h"

namespace archpool {
namespace {

Digest SeedOf(const Task& task, const Audit& audit) {
  return HmacSha256(task.secret, CanonicalWriter("archpool/audit-plant/v1")
                                     .Int(audit.id.value)
                                     .Int(audit.planted_count)
                                     .encoding());
}

bool IsDrawn(const Digest& seed, int64_t ppm) {
  CounterRng rng(seed.Prefix64(), 0);
  return rng.Below(1'000'000) < ppm;
}

}  // namespace

bool DrawPlanted(const PoolPolicy& policy, const Task& task,
                 const Audit& audit) {
  // Where none is planted, nothing need be drawn.
  return policy.planted_ppm > 0 && audit.kind != AuditKind::kEvaluation &&
         std::none_of(audit.looks.begin(), audit.looks.end(), IsVote) &&
         IsDrawn(SeedOf(task, audit), policy.planted_ppm);
}

void Plant(const Task& task, AuditGrant& grant) {
  // No training leads there: it is the hash of nothing but a secret.
  const Digest nowhere = Sha256(SeedOf(task, grant.audit).AsBytes());
  ARCHPOOL_CHECK(grant.trial.commitment.has_value());
  grant.trial.commitment->checkpoint_root =
      grant.audit.kind == AuditKind::kWhole
          ? nowhere
          : ReplaceEnd(task.spec->recipe.segments, grant.audit.segment, nowhere,
                       grant.audit.opening);
}

bool IsSeenTwice(const PoolPolicy& policy, const Task& task,
                 const Audit& audit) {
  if (policy.second_look_ppm == 0) return false;
  const Digest seed =
      HmacSha256(task.secret, CanonicalWriter("archpool/second-look/v1")
                                  .Int(audit.id.value)
                                  .encoding());
  return IsDrawn(seed, policy.second_look_ppm);
}

}  // namespace archpool
