// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/audit_cost.h"

#include "absl/numeric/int128.h"
#include "server/core/rules/training_steps.h"
#include "server/core/rules/work_price.h"

namespace archpool {

AuditCost CostOf(const TaskSpec& spec, const DatasetManifest& manifest,
                 const Trial& trial, AuditKind kind) {
  // Evaluating an example costs a quarter of training on it. Asking for a
  // second opinion takes another one to three quarters, so that one is as
  // expensive as the other.
  const absl::int128 evaluated =
      manifest.validation_count + manifest.held_out_count;
  const absl::int128 trained =
      absl::int128(manifest.train_count) * EpochsOf(spec.recipe, trial);
  // A divergence that is none is replayed further.
  const WorkUnits units = WholeUnitsOf(spec.recipe, manifest, trial);
  AuditCost cost{.evaluation =
                     static_cast<WorkUnits>(units * evaluated / trained)};
  if (kind == AuditKind::kWhole) cost.replay = units;
  if (kind == AuditKind::kSegment) cost.replay = units / spec.recipe.segments;
  return cost;
}

namespace {

// What evaluating may take instead, where every example is left in doubt and
// double precision decides it.
constexpr WorkUnits kDoubtfulEvaluation = 9;

}  // namespace

absl::Duration ExaminationTime(const PoolPolicy& policy,
                               const AuditCost& cost) {
  // A refuted replay is repeated.
  return policy.slowness_max *
         absl::Microseconds(2 * cost.replay +
                            kDoubtfulEvaluation * cost.evaluation);
}

}  // namespace archpool
