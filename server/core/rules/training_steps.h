// SPDX-License-Identifier: Apache-2.0
// The steps of a trial's training, and where its segments lie among them. Pure.
#ifndef ARCHPOOL_SERVER_CORE_RULES_TRAINING_STEPS_H_
#define ARCHPOOL_SERVER_CORE_RULES_TRAINING_STEPS_H_

#include <cstdint>

#include "common/model/dataset_manifest.h"
#include "common/model/task_spec.h"
#include "server/core/records/entities.h"

namespace archpool {

// Over all rungs that it trains (common/kernels/schedule.h).
int64_t StepsOf(const Recipe& recipe, const DatasetManifest& manifest,
                const Trial& trial);

// The one of `segments` nearly equal segments that holds the step: its
// boundaries are those of kernels::SegmentBoundary. REQUIRES: step in
// [0, steps).
int64_t SegmentOfStep(int64_t steps, int64_t segments, int64_t step);

// What the first `done` of `steps` cost, of a training that costs `units` and
// diverged then; at least a step, which showed it.
WorkUnits UnitsOfSteps(WorkUnits units, int64_t done, int64_t steps);
// What the whole training costs that the trial's units, where it is said to
// have diverged, are a part of; about.
WorkUnits WholeUnitsOf(const Recipe& recipe, const DatasetManifest& manifest,
                       const Trial& trial);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_TRAINING_STEPS_H_
