// SPDX-License-Identifier: Apache-2.0
#include "common/nn/layer_results.h"

#include <ATen/ATen.h>

#include <array>
#include <tuple>

#include "common/base/check.h"
#include "common/nn/runtime.h"

namespace archpool::nn {
namespace {

using Pair = std::array<int64_t, 2>;

constexpr double kTrainingEpsilon = 1e-5;

struct LayerTensors {
  at::Tensor input;
  at::Tensor gradient;
  at::Tensor weights;
  at::Tensor bias;
};

struct ResultTensors {
  at::Tensor output;
  at::Tensor input_gradient;
  at::Tensor weight_gradient;
  at::Tensor bias_gradient;
};

at::Tensor ToTensor(const std::vector<float>& values, Precision precision) {
  const at::Tensor tensor = at::tensor(values);
  return precision == Precision::kFloat64 ? tensor.to(at::kDouble) : tensor;
}

// A view of the same memory, which lies channels last.
at::Tensor ToMap(const std::vector<float>& values, int64_t batch,
                 const TensorShape& shape, Precision precision) {
  return ToTensor(values, precision)
      .reshape({batch, shape.height, shape.width, shape.channels})
      .permute({0, 3, 1, 2});
}

std::vector<double> FromTensor(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  const at::Tensor flat =
      (tensor.is_mkldnn() ? tensor.to_dense() : tensor).to(at::kDouble);
  const at::Tensor rows =
      (flat.dim() == 4 ? flat.permute({0, 2, 3, 1}) : flat).contiguous();
  const double* values = rows.data_ptr<double>();
  return std::vector<double>(values, values + rows.numel());
}
// Weights keep the order of the file.
std::vector<double> FromWeights(const at::Tensor& weights) {
  return FromTensor(weights.defined() ? weights.reshape(-1) : weights);
}

ResultTensors ComputeConv(const Layer& layer, const LayerTensors& of) {
  const int64_t padding = (layer.kernel - 1) / 2;
  const Pair stride = {layer.stride, layer.stride};
  const Pair around = {padding, padding};
  const at::Tensor weights =
      of.weights
          .reshape({layer.output_shape.channels,
                    layer.input_shape.channels / layer.groups, layer.kernel,
                    layer.kernel})
          .contiguous(at::MemoryFormat::ChannelsLast);
  ResultTensors results;
  results.output = at::convolution(of.input, weights, {}, stride, around,
                                   Pair{1, 1}, false, Pair{0, 0}, layer.groups);
  std::tie(results.input_gradient, results.weight_gradient, std::ignore) =
      at::convolution_backward(of.gradient, of.input, weights, c10::nullopt,
                               stride, around, Pair{1, 1}, false, Pair{0, 0},
                               layer.groups, {true, true, false});
  return results;
}

ResultTensors ComputeLinear(const Layer& layer, const LayerTensors& of) {
  const at::Tensor input = of.input.flatten(1).contiguous();
  const at::Tensor gradient = of.gradient.flatten(1).contiguous();
  const at::Tensor weights =
      of.weights.reshape({layer.output_shape.channels, input.size(1)});
  return {.output = at::linear(input, weights, of.bias),
          .input_gradient = at::mm(gradient, weights).reshape(of.input.sizes()),
          .weight_gradient = at::mm(gradient.t(), input),
          .bias_gradient = gradient.sum(0)};
}

ResultTensors ComputeBatchNorm(const LayerTensors& of, Precision precision) {
  const auto prepare = [&](const at::Tensor& map) {
    return precision == Precision::kFloat64 ? map : map.to_mkldnn();
  };
  const at::Tensor input = prepare(of.input);
  const at::Tensor mean = at::zeros_like(of.weights);
  const at::Tensor variance = at::ones_like(of.weights);
  ResultTensors results;
  at::Tensor batch_mean;
  at::Tensor batch_inverse;
  std::tie(results.output, batch_mean, batch_inverse) =
      at::native_batch_norm(input, of.weights, of.bias, mean, variance,
                            /*training=*/true, 0.1, kTrainingEpsilon);
  std::tie(results.input_gradient, results.weight_gradient,
           results.bias_gradient) =
      at::native_batch_norm_backward(
          prepare(of.gradient), input, of.weights, mean, variance, batch_mean,
          batch_inverse, /*train=*/true, kTrainingEpsilon, {true, true, true});
  return results;
}

ResultTensors ComputeMaxPool(const Layer& layer, const LayerTensors& of) {
  const int64_t padding = (layer.kernel - 1) / 2;
  const Pair kernel = {layer.kernel, layer.kernel};
  const Pair stride = {layer.stride, layer.stride};
  const Pair around = {padding, padding};
  ResultTensors results;
  at::Tensor indices;
  std::tie(results.output, indices) = at::max_pool2d_with_indices(
      of.input, kernel, stride, around, Pair{1, 1}, false);
  results.input_gradient = at::max_pool2d_with_indices_backward(
      of.gradient, of.input, kernel, stride, around, Pair{1, 1}, false,
      indices);
  return results;
}

ResultTensors ComputeAvgPool(const Layer& layer, const LayerTensors& of) {
  const int64_t padding = (layer.kernel - 1) / 2;
  const Pair kernel = {layer.kernel, layer.kernel};
  const Pair stride = {layer.stride, layer.stride};
  const Pair around = {padding, padding};
  return {.output = at::avg_pool2d(of.input, kernel, stride, around, false,
                                   false, c10::nullopt),
          .input_gradient =
              at::avg_pool2d_backward(of.gradient, of.input, kernel, stride,
                                      around, false, false, c10::nullopt)};
}

ResultTensors Compute(const Layer& layer, const LayerTensors& of,
                      Precision precision) {
  switch (layer.kind) {
    case LayerKind::kConv:
      return ComputeConv(layer, of);
    case LayerKind::kLinear:
      return ComputeLinear(layer, of);
    case LayerKind::kBatchNorm:
      return ComputeBatchNorm(of, precision);
    case LayerKind::kRelu:
      return {
          .output = at::relu(of.input),
          .input_gradient = at::threshold_backward(of.gradient, of.input, 0)};
    case LayerKind::kHardswish:
      return {.output = at::hardswish(of.input),
              .input_gradient = at::hardswish_backward(of.gradient, of.input)};
    case LayerKind::kSilu:
      return {.output = at::silu(of.input),
              .input_gradient = at::silu_backward(of.gradient, of.input)};
    case LayerKind::kMaxPool:
      return ComputeMaxPool(layer, of);
    case LayerKind::kAvgPool:
      return ComputeAvgPool(layer, of);
    case LayerKind::kGlobalAvgPool: {
      const auto pixels = static_cast<double>(layer.input_shape.height *
                                              layer.input_shape.width);
      return {
          .output = at::mean(of.input, at::IntArrayRef{2, 3}, true),
          .input_gradient = of.gradient.expand(of.input.sizes()).div(pixels)};
    }
    case LayerKind::kAdd:
      break;
  }
  ARCHPOOL_CHECK(false);
}

}  // namespace

absl::StatusOr<LayerResults> ComputeLayer(const Layer& layer, int64_t batch,
                                          const LayerOperands& operands,
                                          Precision precision) {
  return Guarded([&]() -> absl::StatusOr<LayerResults> {
    const ResultTensors results = Compute(
        layer,
        {.input = ToMap(operands.input, batch, layer.input_shape, precision),
         .gradient =
             ToMap(operands.gradient, batch, layer.output_shape, precision),
         .weights = ToTensor(operands.weights, precision),
         .bias = ToTensor(operands.bias, precision)},
        precision);
    return LayerResults{.output = FromTensor(results.output),
                        .input_gradient = FromTensor(results.input_gradient),
                        .weight_gradient = FromWeights(results.weight_gradient),
                        .bias_gradient = FromTensor(results.bias_gradient)};
  });
}

}  // namespace archpool::nn
