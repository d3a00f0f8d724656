// SPDX-License-Identifier: Apache-2.0
// What examining a trial costs, in the work units of the reference core. Pure.
#ifndef ARCHPOOL_SERVER_CORE_RULES_AUDIT_COST_H_
#define ARCHPOOL_SERVER_CORE_RULES_AUDIT_COST_H_

#include "absl/time/time.h"
#include "common/model/dataset_manifest.h"
#include "common/model/ids.h"
#include "common/model/task_spec.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"

namespace archpool {

struct AuditCost {
  WorkUnits replay = 0;
  WorkUnits evaluation = 0;  // with the second opinion (docs/arithmetic.md)
  WorkUnits total() const { return replay + evaluation; }
};

AuditCost CostOf(const TaskSpec& spec, const DatasetManifest& manifest,
                 const Trial& trial, AuditKind kind);

// What replaying one of its segments costs, and testing its claim: on whole
// splits, or on as many examples as the test is expected to look at.
WorkUnits SegmentUnits(const TaskSpec& spec, const DatasetManifest& manifest,
                       const Trial& trial, bool measures_all);

// The chances with which trials of the operator's own miners are drawn that are
// to be measured in full, and those whose claim is to be tested: for certain,
// and all but for certain, which tells them apart.
inline constexpr int64_t kMeasuredPpm = 1'000'000;
inline constexpr int64_t kTestedPpm = 999'999;

// What was spent on examining a trial of theirs, as its record tells, or is
// about to be where it was just drawn.
WorkUnits ExaminedUnits(const TaskSpec& spec, const DatasetManifest& manifest,
                        const Trial& trial);

// What a slow verifier may need for it, whatever weights it is shown.
absl::Duration ExaminationTime(const PoolPolicy& policy, const AuditCost& cost);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_AUDIT_COST_H_
