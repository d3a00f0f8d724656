// SPDX-License-Identifier: Apache-2.0
#include "common/nn/product_timing.h"

#include <ATen/ATen.h>

#include <array>
#include <memory>

#include "common/nn/runtime.h"

namespace archpool::nn {
namespace {

using Pair = std::array<int64_t, 2>;

struct ProductOperands {
  at::Tensor input;
  at::Tensor weights;
  at::Tensor gradient;
};

at::Tensor WithChannelsLast(const at::Tensor& tensor) {
  return tensor.contiguous(at::MemoryFormat::ChannelsLast);
}

ProductCalls ConvCalls(const Layer& layer, const ProductOperands& operands) {
  const auto forward = [layer](const ProductOperands& of) {
    const int64_t padding = (layer.kernel - 1) / 2;
    return at::convolution(
        of.input, of.weights, {}, Pair{layer.stride, layer.stride},
        Pair{padding, padding}, Pair{1, 1}, false, Pair{0, 0}, layer.groups);
  };
  const auto backward = [layer](const ProductOperands& of, bool of_input) {
    const int64_t padding = (layer.kernel - 1) / 2;
    at::convolution_backward(
        of.gradient, of.input, of.weights, c10::nullopt,
        Pair{layer.stride, layer.stride}, Pair{padding, padding}, Pair{1, 1},
        false, Pair{0, 0}, layer.groups, {of_input, !of_input, false});
  };
  return {.forward = [=] { forward(operands); },
          .input_gradient = [=] { backward(operands, true); },
          .weight_gradient = [=] { backward(operands, false); }};
}

ProductCalls LinearCalls(const ProductOperands& operands) {
  return {
      .forward = [=] { at::mm(operands.input, operands.weights.t()); },
      .input_gradient = [=] { at::mm(operands.gradient, operands.weights); },
      .weight_gradient =
          [=] { at::mm(operands.gradient.t(), operands.input); }};
}

// Each call enters LibTorch as training does.
std::function<void()> Entered(std::function<void()> call) {
  return [call = std::move(call)] {
    EnterRuntime();
    const c10::InferenceMode inference;
    call();
  };
}

}  // namespace

absl::StatusOr<ProductCalls> MakeProductCalls(const Layer& layer,
                                              int64_t batch) {
  return Guarded([&]() -> absl::StatusOr<ProductCalls> {
    const TensorShape& in = layer.input_shape;
    const TensorShape& out = layer.output_shape;
    ProductCalls calls;
    if (layer.kind == LayerKind::kLinear) {
      calls = LinearCalls({.input = at::randn({batch, in.elements()}),
                           .weights = at::randn({out.channels, in.elements()}),
                           .gradient = at::randn({batch, out.channels})});
    } else {
      calls = ConvCalls(
          layer, {.input = WithChannelsLast(
                      at::randn({batch, in.channels, in.height, in.width})),
                  .weights = WithChannelsLast(
                      at::randn({out.channels, in.channels / layer.groups,
                                 layer.kernel, layer.kernel})),
                  .gradient = WithChannelsLast(at::randn(
                      {batch, out.channels, out.height, out.width}))});
    }
    return ProductCalls{Entered(std::move(calls.forward)),
                        Entered(std::move(calls.input_gradient)),
                        Entered(std::move(calls.weight_gradient))};
  });
}

}  // namespace archpool::nn
