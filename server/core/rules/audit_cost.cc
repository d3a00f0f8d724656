#include "server/core/rules/audit_cost.h"

#include "absl/numeric/int128.h"
#include "server/core/rules/work_price.h"

namespace archpool {

AuditCost CostOf(const TaskSpec& spec, const DatasetManifest& manifest,
                 const Trial& trial, AuditKind kind) {
  // Evaluating an example costs less than training on it.
  const absl::int128 evaluated =
      manifest.validation_count + manifest.held_out_count;
  const absl::int128 trained =
      absl::int128(manifest.train_count) * EpochsOf(spec.recipe, trial);
  return {.replay = kind == AuditKind::kWhole
                        ? trial.work_units
                        : trial.work_units / SegmentsOf(spec.recipe, trial),
          .evaluation =
              static_cast<WorkUnits>(trial.work_units * evaluated / trained)};
}

absl::Duration ExaminationTime(const PoolPolicy& policy,
                               const AuditCost& cost) {
  // A refuted replay is repeated.
  return policy.slowness_max *
         absl::Microseconds(2 * cost.replay + cost.evaluation);
}

}  // namespace archpool
