// SPDX-License-Identifier: Apache-2.0
// What a committed trial is worth: the heart of an audit, without IO.
#ifndef ARCHPOOL_VERIFIER_EXAMINATION_H_
#define ARCHPOOL_VERIFIER_EXAMINATION_H_

#include <cstdint>
#include <string>

#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"
#include "verifier/audit_client.h"
#include "verifier/evaluator.h"

namespace archpool {

// No weights of `plan`, and no optimiser's state, are larger than this, in
// bytes, tensors or header.
SafetensorsLimits WeightsLimitsOf(const LayerPlan& plan);

// Bytes of strangers, whose digests are as committed.
struct AuditFiles {
  std::string weights;  // the trial's; empty for a whole training
  // The checkpoint that the segment begins with; empty for the first one.
  std::string begin_weights;
  std::string begin_optimizer;
  std::string resumed;  // of the rung below, where the trial continues from it
};

struct AuditData {
  Dataset train;
  Dataset validation;
  Dataset held_out;
};

// Whether the training that the order describes leads where the miner said, and
// whether its claim holds: replays the segment (or all of them) from the start
// that follows from the trial key, then counts correct answers. Errors of the
// bytes make WeightsUnusable, a replay that leads elsewhere twice
// TrainingRefuted, errors of the evaluation AuditInconclusive.
AuditFinding Examine(const wire::AuditOrder& order, const AuditFiles& files,
                     const AuditData& data, Evaluator& evaluator);

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_EXAMINATION_H_
