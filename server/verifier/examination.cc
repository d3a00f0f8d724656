#include "server/verifier/examination.h"

#include <spdlog/spdlog.h>

#include <string>

#include "absl/strings/match.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// A batch norm has four tensors, everything else at most two.
constexpr int64_t kTensorsPerLayerMax = 4;
constexpr int64_t kBytesPerValue = 4;

AuditFinding Classify(const absl::Status& status) {
  const std::string reason = GetReason(status);
  spdlog::info("examination: {} ({})", std::string(status.message()), reason);
  const bool is_about_weights = absl::IsInvalidArgument(status) &&
                                (absl::StartsWith(reason, "WEIGHTS_") ||
                                 absl::StartsWith(reason, "SAFETENSORS_"));
  if (is_about_weights) return WeightsUnusable{reason};
  return AuditInconclusive{reason.empty() ? "EVALUATION_FAILED" : reason};
}

}  // namespace

SafetensorsLimits WeightsLimitsOf(const LayerPlan& plan) {
  int64_t values = plan.parameters;
  for (const Layer& layer : plan.layers) {
    // Running mean and variance are no parameters.
    if (layer.kind == LayerKind::kBatchNorm) {
      values += 2 * layer.output_shape.channels;
    }
  }
  SafetensorsLimits limits;
  limits.bytes_max = static_cast<int64_t>(sizeof(int64_t)) +
                     limits.header_bytes_max + kBytesPerValue * values;
  limits.tensors_max =
      kTensorsPerLayerMax * static_cast<int64_t>(plan.layers.size());
  return limits;
}

AuditFinding Examine(const wire::AuditOrder& order, absl::string_view weights,
                     const AuditData& data, Evaluator& evaluator) {
  const absl::StatusOr<TensorMap> tensors =
      ParseSafetensors(weights, WeightsLimitsOf(order.plan));
  if (!tensors.ok()) return Classify(tensors.status());
  const absl::StatusOr<int64_t> validation_correct = evaluator.CountCorrect(
      order.plan, *tensors, order.manifest, data.validation);
  if (!validation_correct.ok()) return Classify(validation_correct.status());
  const absl::StatusOr<int64_t> held_out_correct = evaluator.CountCorrect(
      order.plan, *tensors, order.manifest, data.held_out);
  if (!held_out_correct.ok()) return Classify(held_out_correct.status());
  return WeightsMeasured{*validation_correct, *held_out_correct};
}

}  // namespace archpool
