// SPDX-License-Identifier: Apache-2.0
#include "common/nas/plan_builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/nas/cost_table.h"

namespace archpool {
namespace {

// Factors and results are not negative; INT64_MAX stands for anything larger,
// and is over every limit.
int64_t MultiplyCapped(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

int64_t AddCapped(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t ElementsOf(const TensorShape& shape) {
  return MultiplyCapped(MultiplyCapped(shape.channels, shape.height),
                        shape.width);
}

int64_t LimitOf(int64_t limit, int64_t ceiling) {
  return limit > 0 ? std::min(limit, ceiling) : ceiling;
}

int64_t Slid(int64_t side, int64_t kernel, int64_t stride) {
  const int64_t padding = (kernel - 1) / 2;
  return (side + 2 * padding - kernel) / stride + 1;
}

}  // namespace

PlanBuilder::PlanBuilder(const TensorShape& input_shape, int64_t classes,
                         const PlanLimits& limits, const Pricing& pricing)
    : parameters_max_(LimitOf(limits.parameters_max, kPlanParametersMax)),
      macs_max_(LimitOf(limits.macs_max, kPlanMacsMax)),
      pricing_(pricing),
      shape_(input_shape) {
  plan_.input_shape = input_shape;
  plan_.classes = classes;
  plan_.layers.reserve(64);
  if (std::min({input_shape.channels, input_shape.height, input_shape.width,
                classes}) < 1) {
    Refuse("INPUT_MALFORMED",
           absl::StrCat("an input of ", input_shape.channels, "x",
                        input_shape.height, "x", input_shape.width, " with ",
                        classes,
                        " classes makes no network: each must be at least "
                        "1"));
    return;
  }
  CountActivations(ElementsOf(input_shape));
}

void PlanBuilder::Conv(int64_t width, int64_t kernel, int64_t stride,
                       int64_t groups) {
  if (!CanStride(stride)) return;
  Layer layer = Next(LayerKind::kConv);
  layer.kernel = kernel;
  layer.stride = stride;
  layer.groups = groups;
  layer.output_shape = {.channels = width,
                        .height = Slid(shape_.height, kernel, stride),
                        .width = Slid(shape_.width, kernel, stride)};
  const int64_t weights_per_output =
      MultiplyCapped(shape_.channels / groups, kernel * kernel);
  layer.parameters = MultiplyCapped(width, weights_per_output);
  layer.macs =
      MultiplyCapped(ElementsOf(layer.output_shape), weights_per_output);
  Append(layer);
}

void PlanBuilder::Pool(LayerKind kind, int64_t kernel, int64_t stride) {
  // A 1×1 pool is the input itself, or picks every other pixel: the mean and
  // the maximum of one value agree, and so does their spelling.
  if (kernel == 1) {
    if (stride == 1) return;
    kind = LayerKind::kMaxPool;
  }
  if (!CanStride(stride)) return;
  Layer layer = Next(kind);
  layer.kernel = kernel;
  layer.stride = stride;
  layer.output_shape.height = Slid(shape_.height, kernel, stride);
  layer.output_shape.width = Slid(shape_.width, kernel, stride);
  Append(layer);
}

void PlanBuilder::BatchNorm() {
  Layer layer = Next(LayerKind::kBatchNorm);
  layer.parameters = MultiplyCapped(2, shape_.channels);
  Append(layer);
}

void PlanBuilder::ConvNormActivation(int64_t width, int64_t kernel,
                                     int64_t stride, int64_t groups,
                                     LayerKind activation) {
  Conv(width, kernel, stride, groups);
  BatchNorm();
  Elementwise(activation);
}

void PlanBuilder::Identity(int64_t width, int64_t stride) {
  if (stride == 1 && width == channels()) return;
  Conv(width, 1, stride, 1);
  BatchNorm();
}

void PlanBuilder::AddTo(int layer) {
  Layer add = Next(LayerKind::kAdd);
  add.second_input = layer;
  Append(add);
}

void PlanBuilder::Place(const Block& block, int64_t stride) {
  switch (block.operation) {
    case Operation::kConv:
      ConvNormActivation(block.width, block.kernel, stride, 1,
                         block.activation);
      return;
    case Operation::kSeparable:
      return Separable(block, stride);
    case Operation::kBottleneck:
      Bottleneck(block, stride);
      return;
    case Operation::kMaxPool:
      Pool(LayerKind::kMaxPool, block.kernel, stride);
      return;
    case Operation::kAvgPool:
      Pool(LayerKind::kAvgPool, block.kernel, stride);
      return;
    case Operation::kIdentity:
      return Identity(block.width, stride);
    case Operation::kSkip:
      return Identity(channels(), stride);
    case Operation::kPreactConv:
      Elementwise(block.activation);
      Conv(block.width, block.kernel, stride, 1);
      return BatchNorm();
    case Operation::kResidual:
      return Residual(block, stride);
    case Operation::kNone:
    case Operation::kCell:
      break;
  }
  ARCHPOOL_CHECK(false);
}

void PlanBuilder::Classify() {
  Layer pool = Next(LayerKind::kGlobalAvgPool);
  pool.output_shape = {.channels = shape_.channels, .height = 1, .width = 1};
  Append(pool);
  Layer linear = Next(LayerKind::kLinear);
  linear.output_shape = {.channels = plan_.classes, .height = 1, .width = 1};
  linear.macs = MultiplyCapped(shape_.channels, plan_.classes);
  linear.parameters = AddCapped(linear.macs, plan_.classes);
  Append(linear);
}

void PlanBuilder::Refuse(absl::string_view reason, absl::string_view message) {
  if (refusal_.ok()) refusal_ = InvalidArgument(reason, message);
}

absl::StatusOr<LayerPlan> PlanBuilder::Finish() && {
  if (!refusal_.ok()) return std::move(refusal_);
  train_ps_ = AddCapped(train_ps_, StepTrainPs(pricing_));
  // Rounded up, so that no network is free.
  plan_.train_ns_per_example = train_ps_ / 1000 + (train_ps_ % 1000 != 0);
  plan_.evaluate_ns_per_example =
      evaluate_ps_ / 1000 + (evaluate_ps_ % 1000 != 0);
  return std::move(plan_);
}

void PlanBuilder::Separable(const Block& block, int64_t stride) {
  ConvNormActivation(channels(), block.kernel, stride, channels(),
                     block.activation);
  ConvNormActivation(block.width, 1, 1, 1, block.activation);
}

void PlanBuilder::Bottleneck(const Block& block, int64_t stride) {
  const int input = tip_;
  const int64_t input_width = channels();
  const int64_t hidden = MultiplyCapped(input_width, block.expansion);
  if (block.expansion > 1) {
    ConvNormActivation(hidden, 1, 1, 1, block.activation);
  }
  ConvNormActivation(hidden, block.kernel, stride, hidden, block.activation);
  Conv(block.width, 1, 1, 1);
  BatchNorm();
  if (stride == 1 && block.width == input_width) AddTo(input);
}

void PlanBuilder::Residual(const Block& block, int64_t stride) {
  const int input = tip_;
  const TensorShape input_shape = shape_;
  ConvNormActivation(block.width, block.kernel, stride, 1, block.activation);
  Conv(block.width, block.kernel, 1, 1);
  BatchNorm();
  const int branch = tip_;
  const TensorShape branch_shape = shape_;
  tip_ = input;
  shape_ = input_shape;
  Identity(block.width, stride);
  const int shortcut = tip_;
  tip_ = branch;
  shape_ = branch_shape;
  AddTo(shortcut);
  Elementwise(block.activation);
}

Layer PlanBuilder::Next(LayerKind kind) const {
  Layer layer;
  layer.kind = kind;
  layer.input = tip_;
  layer.input_shape = shape_;
  layer.output_shape = shape_;
  return layer;
}

void PlanBuilder::Append(const Layer& layer) {
  if (refused()) return;
  CheckLimit("layers", static_cast<int64_t>(plan_.layers.size()) + 1,
             kPlanLayersMax);
  CountActivations(ElementsOf(layer.output_shape));
  plan_.parameters = AddCapped(plan_.parameters, layer.parameters);
  CheckLimit("parameters", plan_.parameters, parameters_max_);
  plan_.macs = AddCapped(plan_.macs, layer.macs);
  CheckLimit("multiply-accumulates per example", plan_.macs, macs_max_);
  if (refused()) return;
  const LayerCost cost = CostOf(layer, pricing_);
  train_ps_ = AddCapped(train_ps_, cost.train_ps);
  evaluate_ps_ = AddCapped(evaluate_ps_, cost.evaluate_ps);
  tip_ = static_cast<int>(plan_.layers.size());
  plan_.layers.push_back(layer);
  shape_ = layer.output_shape;
}

bool PlanBuilder::CanStride(int64_t stride) {
  if (refused()) return false;
  if (stride == 1 || std::min(shape_.height, shape_.width) > 1) return true;
  Refuse("SHAPE_VANISHES",
         absl::StrCat("layer ", plan_.layers.size(), " has stride ", stride,
                      " over a map of ", shape_.height, "x", shape_.width,
                      " pixels: use fewer strides or larger examples"));
  return false;
}

void PlanBuilder::CountActivations(int64_t elements) {
  activations_ = AddCapped(activations_, elements);
  CheckLimit("activations per example", activations_, kPlanActivationsMax);
}

void PlanBuilder::CheckLimit(absl::string_view what, int64_t count,
                             int64_t limit) {
  if (count <= limit) return;
  Refuse("PLAN_TOO_LARGE",
         absl::StrCat("the network has more than ", limit, " ", what, " (",
                      count, " up to layer ", plan_.layers.size(),
                      "): choose smaller widths or fewer blocks"));
}

}  // namespace archpool
