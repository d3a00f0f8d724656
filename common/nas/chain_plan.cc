#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/nas/cost_table.h"
#include "common/nas/layer_plan.h"

namespace archpool {
namespace {

// Factors and results are not negative; INT64_MAX stands for anything larger,
// and is over every limit.
int64_t Multiply(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

int64_t Add(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t ElementsOf(const TensorShape& shape) {
  return Multiply(Multiply(shape.channels, shape.height), shape.width);
}

LayerKind KindOf(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return LayerKind::kRelu;
    case Activation::kHardswish:
      return LayerKind::kHardswish;
    case Activation::kSilu:
      return LayerKind::kSilu;
  }
  ARCHPOOL_CHECK(false);
}

// A block with its fields filled in.
struct Block {
  Operation operation;
  int64_t kernel;
  int64_t width;
  int64_t expansion;
  LayerKind activation;
};

// Appends layers one after the other. The first refusal sticks: later calls do
// nothing, and Finish reports it.
class PlanBuilder {
 public:
  PlanBuilder(const TensorShape& input_shape, int64_t classes,
              const PlanLimits& limits)
      : parameters_max_(LimitOf(limits.parameters_max, kPlanParametersMax)),
        macs_max_(LimitOf(limits.macs_max, kPlanMacsMax)),
        shape_(input_shape) {
    plan_.input_shape = input_shape;
    plan_.classes = classes;
    plan_.layers.reserve(64);
    if (std::min({input_shape.channels, input_shape.height, input_shape.width,
                  classes}) < 1) {
      Refuse("INPUT_MALFORMED",
             absl::StrCat("An input of ", input_shape.channels, "x",
                          input_shape.height, "x", input_shape.width, " with ",
                          classes,
                          " classes makes no network: each must be at least "
                          "1."));
      return;
    }
    CountActivations(ElementsOf(input_shape));
  }

  int64_t channels() const { return shape_.channels; }

  void Conv(int64_t width, int64_t kernel, int64_t stride, int64_t groups) {
    if (!CanStride(stride)) return;
    Layer layer = Next(LayerKind::kConv);
    layer.kernel = kernel;
    layer.stride = stride;
    layer.groups = groups;
    layer.output_shape = {.channels = width,
                          .height = Slid(shape_.height, kernel, stride),
                          .width = Slid(shape_.width, kernel, stride)};
    const int64_t weights_per_output =
        Multiply(shape_.channels / groups, kernel * kernel);
    layer.parameters = Multiply(width, weights_per_output);
    layer.macs = Multiply(ElementsOf(layer.output_shape), weights_per_output);
    Append(layer);
  }

  void Pool(LayerKind kind, int64_t kernel, int64_t stride) {
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

  void BatchNorm() {
    Layer layer = Next(LayerKind::kBatchNorm);
    layer.parameters = Multiply(2, shape_.channels);
    Append(layer);
  }

  void Elementwise(LayerKind kind) { Append(Next(kind)); }

  void ConvNormActivation(int64_t width, int64_t kernel, int64_t stride,
                          int64_t groups, LayerKind activation) {
    Conv(width, kernel, stride, groups);
    BatchNorm();
    Elementwise(activation);
  }

  void Place(const Block& block, int64_t stride) {
    switch (block.operation) {
      case Operation::kConv:
        ConvNormActivation(block.width, block.kernel, stride, 1,
                           block.activation);
        return;
      case Operation::kSeparable:
        ConvNormActivation(channels(), block.kernel, stride, channels(),
                           block.activation);
        ConvNormActivation(block.width, 1, 1, 1, block.activation);
        return;
      case Operation::kBottleneck:
        Bottleneck(block, stride);
        return;
      case Operation::kMaxPool:
        Pool(LayerKind::kMaxPool, block.kernel, stride);
        return;
      case Operation::kAvgPool:
        Pool(LayerKind::kAvgPool, block.kernel, stride);
        return;
      case Operation::kSkip:
        if (stride == 1) return;
        Conv(channels(), 1, stride, 1);
        BatchNorm();
        return;
    }
    ARCHPOOL_CHECK(false);
  }

  void Classify() {
    Layer pool = Next(LayerKind::kGlobalAvgPool);
    pool.output_shape = {.channels = shape_.channels, .height = 1, .width = 1};
    Append(pool);
    Layer linear = Next(LayerKind::kLinear);
    linear.output_shape = {.channels = plan_.classes, .height = 1, .width = 1};
    linear.macs = Multiply(shape_.channels, plan_.classes);
    linear.parameters = Add(linear.macs, plan_.classes);
    Append(linear);
  }

  absl::StatusOr<LayerPlan> Finish() && {
    if (!refusal_.ok()) return std::move(refusal_);
    // Rounded up, so that no network is free.
    plan_.train_ns_per_example = train_ps_ / 1000 + (train_ps_ % 1000 != 0);
    plan_.evaluate_ns_per_example =
        evaluate_ps_ / 1000 + (evaluate_ps_ % 1000 != 0);
    return std::move(plan_);
  }

  bool refused() const { return !refusal_.ok(); }

 private:
  static int64_t LimitOf(int64_t limit, int64_t ceiling) {
    return limit > 0 ? std::min(limit, ceiling) : ceiling;
  }

  static int64_t Slid(int64_t side, int64_t kernel, int64_t stride) {
    const int64_t padding = (kernel - 1) / 2;
    return (side + 2 * padding - kernel) / stride + 1;
  }

  void Bottleneck(const Block& block, int64_t stride) {
    const int input = static_cast<int>(plan_.layers.size()) - 1;
    const int64_t input_width = channels();
    const int64_t hidden = Multiply(input_width, block.expansion);
    if (block.expansion > 1) {
      ConvNormActivation(hidden, 1, 1, 1, block.activation);
    }
    ConvNormActivation(hidden, block.kernel, stride, hidden, block.activation);
    Conv(block.width, 1, 1, 1);
    BatchNorm();
    if (stride == 1 && block.width == input_width) {
      Layer add = Next(LayerKind::kAdd);
      add.second_input = input;
      Append(add);
    }
  }

  // A layer that reads the last one and keeps its shape.
  Layer Next(LayerKind kind) const {
    Layer layer;
    layer.kind = kind;
    layer.input = static_cast<int>(plan_.layers.size()) - 1;
    layer.input_shape = shape_;
    layer.output_shape = shape_;
    return layer;
  }

  bool CanStride(int64_t stride) {
    if (refused()) return false;
    if (stride == 1 || std::min(shape_.height, shape_.width) > 1) return true;
    Refuse("SHAPE_VANISHES",
           absl::StrCat("Layer ", plan_.layers.size(), " has stride ", stride,
                        " over a map of ", shape_.height, "x", shape_.width,
                        " pixels: use fewer strides or larger examples."));
    return false;
  }

  void CountActivations(int64_t elements) {
    activations_ = Add(activations_, elements);
    CheckLimit("activations per example", activations_, kPlanActivationsMax);
  }

  void Append(const Layer& layer) {
    if (refused()) return;
    CheckLimit("layers", static_cast<int64_t>(plan_.layers.size()) + 1,
               kPlanLayersMax);
    CountActivations(ElementsOf(layer.output_shape));
    plan_.parameters = Add(plan_.parameters, layer.parameters);
    CheckLimit("parameters", plan_.parameters, parameters_max_);
    plan_.macs = Add(plan_.macs, layer.macs);
    CheckLimit("multiply-accumulates per example", plan_.macs, macs_max_);
    if (refused()) return;
    const LayerCost cost = CostOf(layer);
    train_ps_ = Add(train_ps_, cost.train_ps);
    evaluate_ps_ = Add(evaluate_ps_, cost.evaluate_ps);
    plan_.layers.push_back(layer);
    shape_ = layer.output_shape;
  }

  void CheckLimit(absl::string_view what, int64_t count, int64_t limit) {
    if (count <= limit) return;
    Refuse("PLAN_TOO_LARGE",
           absl::StrCat("The network has more than ", limit, " ", what, " (",
                        count, " up to layer ", plan_.layers.size(),
                        "): choose smaller widths or fewer blocks."));
  }

  void Refuse(absl::string_view reason, absl::string_view message) {
    if (refusal_.ok()) refusal_ = InvalidArgument(reason, message);
  }

  const int64_t parameters_max_;
  const int64_t macs_max_;
  LayerPlan plan_;
  TensorShape shape_;  // of the last layer's output
  int64_t activations_ = 0;
  int64_t train_ps_ = 0;
  int64_t evaluate_ps_ = 0;
  absl::Status refusal_;
};

}  // namespace

absl::StatusOr<LayerPlan> MakeLayerPlan(const SearchSpace& space,
                                        const Architecture& architecture,
                                        const TensorShape& input_shape,
                                        int64_t classes,
                                        const PlanLimits& limits) {
  if (space.is_plain()) {
    return InvalidArgument("SPACE_WITHOUT_NETWORK",
                           "The space has no template, so its architectures "
                           "are no networks that could be trained.");
  }
  if (!space.IsValid(architecture)) {
    return InvalidArgument(
        "ARCHITECTURE_MALFORMED",
        absl::StrCat("The architecture has ", architecture.choices.size(),
                     " choices and does not fit the space of ",
                     space.dimensions().size(),
                     " dimensions: give one index per dimension, each below "
                     "its number of choices."));
  }
  const ResolvedChain& chain = space.chain();
  const absl::Span<const uint8_t> choices = architecture.choices;
  const auto activation_of = [choices](const ResolvedField& field) {
    return KindOf(static_cast<Activation>(field.Value(choices)));
  };
  PlanBuilder builder(input_shape, classes, limits);
  builder.ConvNormActivation(chain.stem_width.Value(choices), chain.stem_kernel,
                             chain.stem_stride, 1,
                             activation_of(chain.stem_activation));
  for (const ResolvedStage& stage : chain.stages) {
    int64_t stride = stage.stride;
    for (const ResolvedBlock& fields : stage.blocks) {
      const Block block{
          .operation = static_cast<Operation>(fields.operation.Value(choices)),
          .kernel = fields.kernel.Value(choices),
          .width = fields.width.Value(choices),
          .expansion = fields.expansion.Value(choices),
          .activation = activation_of(fields.activation)};
      const int64_t repeat = fields.repeat.Value(choices);
      for (int64_t copy = 0; copy < repeat && !builder.refused(); ++copy) {
        builder.Place(block, stride);
        stride = 1;
      }
    }
  }
  const int64_t head_width = chain.head_width.Value(choices);
  if (head_width > 0) {
    builder.ConvNormActivation(head_width, 1, 1, 1,
                               activation_of(chain.head_activation));
  }
  builder.Classify();
  return std::move(builder).Finish();
}

}  // namespace archpool
