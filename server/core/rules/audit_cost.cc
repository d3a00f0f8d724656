// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/audit_cost.h"

#include <algorithm>

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

// About as many examples of both splits together tell whether a claim is
// credible (verifier/wald.h).
constexpr int64_t kTestedExamples = 2'000;

}  // namespace

WorkUnits SegmentUnits(const TaskSpec& spec, const DatasetManifest& manifest,
                       const Trial& trial, bool measures_all) {
  const AuditCost cost = CostOf(spec, manifest, trial, AuditKind::kSegment);
  if (measures_all) return cost.total();
  const int64_t examples = manifest.validation_count + manifest.held_out_count;
  const absl::int128 tested = absl::int128(cost.evaluation) *
                              std::min(kTestedExamples, examples) / examples;
  return cost.replay + static_cast<WorkUnits>(tested);
}

WorkUnits ExaminedUnits(const TaskSpec& spec, const DatasetManifest& manifest,
                        const Trial& trial) {
  if (trial.known_from.IsSet() || !trial.commitment) return 0;
  if (BasisOf(trial) == TrialBasis::kReplayed) {
    return CostOf(spec, manifest, trial, AuditKind::kWhole).total();
  }
  const int64_t draw_ppm = trial.commitment->draw_ppm;
  WorkUnits units = 0;
  if (draw_ppm == kTestedPpm) {
    units = SegmentUnits(spec, manifest, trial, /*measures_all=*/false);
    if (!trial.measured) return units;
    // It was asked for again, to be measured.
  } else if (draw_ppm != kMeasuredPpm &&
             BasisOf(trial) != TrialBasis::kAudited) {
    return 0;
  }
  return units + SegmentUnits(spec, manifest, trial, /*measures_all=*/true);
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
