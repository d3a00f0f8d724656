// SPDX-License-Identifier: Apache-2.0
// Builds LayerPlans layer by layer, for tests and benches that need a network
// and no search space.
#ifndef ARCHPOOL_TESTS_SUPPORT_PLAN_BUILDER_H_
#define ARCHPOOL_TESTS_SUPPORT_PLAN_BUILDER_H_

#include <cstddef>
#include <cstdint>

#include "common/nas/layer_plan.h"

namespace archpool::testing {

// Value type. Every method appends one layer that reads the latest one and
// returns its index.
class PlanBuilder {
 public:
  PlanBuilder(const TensorShape& input_shape, int64_t classes) {
    plan_.input_shape = input_shape;
    plan_.classes = classes;
  }

  int Conv(int64_t width, int64_t kernel, int64_t stride, int64_t groups = 1) {
    Layer layer = Windowed(LayerKind::kConv, kernel, stride);
    layer.groups = groups;
    layer.output_shape.channels = width;
    layer.parameters =
        width * (layer.input_shape.channels / groups) * kernel * kernel;
    layer.macs =
        layer.parameters * layer.output_shape.height * layer.output_shape.width;
    return Append(layer);
  }
  int BatchNorm() {
    Layer layer = Next(LayerKind::kBatchNorm);
    layer.parameters = 2 * layer.input_shape.channels;
    return Append(layer);
  }
  int Activation(LayerKind kind) { return Append(Next(kind)); }
  int Pool(LayerKind kind, int64_t kernel, int64_t stride) {
    return Append(Windowed(kind, kernel, stride));
  }
  int Add(int second_input) {
    Layer layer = Next(LayerKind::kAdd);
    layer.second_input = second_input;
    return Append(layer);
  }
  int GlobalAvgPool() {
    Layer layer = Next(LayerKind::kGlobalAvgPool);
    layer.output_shape = {layer.input_shape.channels, 1, 1};
    return Append(layer);
  }
  int Linear() {
    Layer layer = Next(LayerKind::kLinear);
    layer.output_shape = {plan_.classes, 1, 1};
    layer.macs = layer.input_shape.elements() * plan_.classes;
    layer.parameters = layer.macs + plan_.classes;
    return Append(layer);
  }

  // Conv, batch norm, activation.
  int Block(int64_t width, int64_t kernel, int64_t stride,
            LayerKind activation = LayerKind::kRelu, int64_t groups = 1) {
    Conv(width, kernel, stride, groups);
    BatchNorm();
    return Activation(activation);
  }

  const LayerPlan& plan() const { return plan_; }

 private:
  const TensorShape& Latest() const {
    return plan_.layers.empty() ? plan_.input_shape
                                : plan_.layers.back().output_shape;
  }
  Layer Next(LayerKind kind) const {
    Layer layer;
    layer.kind = kind;
    layer.input = static_cast<int>(plan_.layers.size()) - 1;
    layer.input_shape = Latest();
    layer.output_shape = Latest();
    return layer;
  }
  Layer Windowed(LayerKind kind, int64_t kernel, int64_t stride) const {
    Layer layer = Next(kind);
    layer.kernel = kernel;
    layer.stride = stride;
    const int64_t added = 2 * ((kernel - 1) / 2) - kernel;
    layer.output_shape.height = (layer.input_shape.height + added) / stride + 1;
    layer.output_shape.width = (layer.input_shape.width + added) / stride + 1;
    return layer;
  }
  int Append(const Layer& layer) {
    plan_.layers.push_back(layer);
    plan_.parameters += layer.parameters;
    plan_.macs += layer.macs;
    return static_cast<int>(plan_.layers.size()) - 1;
  }

  LayerPlan plan_;
};

// The network of the throughput benches: three 3x3 convolutions of 16, 32 and
// 64 channels, the second and third at stride 2.
inline LayerPlan ThreeLayerCnn() {
  PlanBuilder builder({1, 28, 28}, 10);
  builder.Block(16, 3, 1);
  builder.Block(32, 3, 2);
  builder.Block(64, 3, 2);
  builder.GlobalAvgPool();
  builder.Linear();
  return builder.plan();
}

// Every LayerKind once or more, with strides, groups and a skip connection.
inline LayerPlan EveryLayerKind(const TensorShape& input_shape,
                                int64_t classes) {
  PlanBuilder builder(input_shape, classes);
  builder.Block(8, 3, 1, LayerKind::kRelu);
  const int trunk = builder.Pool(LayerKind::kMaxPool, 3, 2);
  builder.Block(24, 1, 1, LayerKind::kHardswish);
  builder.Block(24, 5, 1, LayerKind::kSilu, /*groups=*/24);
  builder.Conv(8, 1, 1);
  builder.BatchNorm();
  builder.Add(trunk);
  builder.Activation(LayerKind::kRelu);
  builder.Pool(LayerKind::kAvgPool, 3, 2);
  builder.Block(16, 3, 2);
  builder.GlobalAvgPool();
  builder.Linear();
  return builder.plan();
}

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_PLAN_BUILDER_H_
