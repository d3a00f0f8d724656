// What a trial's weights are worth: the heart of an audit, without IO.
#ifndef ARCHPOOL_SERVER_VERIFIER_EXAMINATION_H_
#define ARCHPOOL_SERVER_VERIFIER_EXAMINATION_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"
#include "server/verifier/audit_client.h"
#include "server/verifier/evaluator.h"

namespace archpool {

// No weights of `plan` are larger than this, in bytes, tensors or header.
SafetensorsLimits WeightsLimitsOf(const LayerPlan& plan);

struct AuditData {
  Dataset validation;
  Dataset held_out;
};

// Parses `weights` (bytes from a stranger) within the plan's limits, loads and
// evaluates them. Errors of the bytes make WeightsUnusable, errors of the
// evaluation AuditInconclusive.
AuditFinding Examine(const wire::AuditOrder& order, absl::string_view weights,
                     const AuditData& data, Evaluator& evaluator);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_VERIFIER_EXAMINATION_H_
