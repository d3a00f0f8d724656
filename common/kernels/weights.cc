// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/weights.h"

#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/kernels/streams.h"

namespace archpool::kernels {
namespace {

int64_t Elements(const std::vector<int64_t>& shape) {
  int64_t elements = 1;
  for (const int64_t extent : shape) elements *= extent;
  return elements;
}

Tensor Constant(const std::vector<int64_t>& shape, float value) {
  return Tensor{
      shape, std::vector<float>(static_cast<size_t>(Elements(shape)), value)};
}

Tensor Uniform(const std::vector<int64_t>& shape, double bound,
               CounterRng rng) {
  Tensor tensor = Constant(shape, 0.0f);
  const auto scale = static_cast<float>(bound);
  for (float& value : tensor.values) {
    value = (2.0f * rng.NextUnitFloat() - 1.0f) * scale;
  }
  return tensor;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace

std::string TensorName(int64_t layer, absl::string_view tensor) {
  return absl::StrCat("layers.", layer, ".", tensor);
}

std::map<std::string, std::vector<int64_t>> TensorShapes(
    const LayerPlan& plan) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    const auto index = static_cast<int64_t>(i);
    const int64_t outputs = layer.output_shape.channels;
    switch (layer.kind) {
      case LayerKind::kConv:
        shapes[TensorName(index, "weight")] = {
            outputs, layer.input_shape.channels / layer.groups, layer.kernel,
            layer.kernel};
        break;
      case LayerKind::kLinear:
        shapes[TensorName(index, "weight")] = {outputs,
                                               layer.input_shape.elements()};
        shapes[TensorName(index, "bias")] = {outputs};
        break;
      case LayerKind::kBatchNorm:
        for (const char* tensor :
             {"weight", "bias", "running_mean", "running_var"}) {
          shapes[TensorName(index, tensor)] = {outputs};
        }
        break;
      default:
        break;
    }
  }
  return shapes;
}

TensorMap InitialWeights(const LayerPlan& plan, uint64_t key) {
  const auto shapes = TensorShapes(plan);
  TensorMap weights;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    const CounterRng rng(key, StreamOf(Draw::kInitialWeights, index));
    const std::string weight = TensorName(index, "weight");
    switch (plan.layers[i].kind) {
      case LayerKind::kConv: {
        const std::vector<int64_t>& shape = shapes.at(weight);
        const auto fan_in = static_cast<double>(Elements(shape) / shape[0]);
        weights[weight] = Uniform(shape, std::sqrt(6.0 / fan_in), rng);
        break;
      }
      case LayerKind::kLinear: {
        const std::vector<int64_t>& shape = shapes.at(weight);
        const auto fan_in = static_cast<double>(shape[1]);
        weights[weight] = Uniform(shape, 1.0 / std::sqrt(fan_in), rng);
        weights[TensorName(index, "bias")] = Constant({shape[0]}, 0.0f);
        break;
      }
      case LayerKind::kBatchNorm: {
        const std::vector<int64_t>& shape = shapes.at(weight);
        weights[weight] = Constant(shape, 1.0f);
        weights[TensorName(index, "bias")] = Constant(shape, 0.0f);
        weights[TensorName(index, "running_mean")] = Constant(shape, 0.0f);
        weights[TensorName(index, "running_var")] = Constant(shape, 1.0f);
        break;
      }
      default:
        break;
    }
  }
  return weights;
}

absl::Status CheckShapes(const LayerPlan& plan, const TensorMap& weights) {
  const auto shapes = TensorShapes(plan);
  for (const auto& [name, shape] : shapes) {
    const auto found = weights.find(name);
    if (found == weights.end()) {
      return InvalidArgument(
          "WEIGHTS_MISMATCH",
          absl::StrCat("the weights lack tensor ", name, " ", ShapeText(shape),
                       "; send every tensor of the architecture"));
    }
    const Tensor& tensor = found->second;
    if (tensor.shape != shape ||
        static_cast<int64_t>(tensor.values.size()) != Elements(shape)) {
      return InvalidArgument(
          "WEIGHTS_MISMATCH",
          absl::StrCat("tensor ", name, " has shape ", ShapeText(tensor.shape),
                       " and ", tensor.values.size(),
                       " values; the architecture's has ", ShapeText(shape)));
    }
  }
  for (const auto& [name, tensor] : weights) {
    if (!shapes.contains(name)) {
      return InvalidArgument(
          "WEIGHTS_MISMATCH",
          absl::StrCat("tensor ", name,
                       " is no part of the architecture; leave it out"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckWeights(const LayerPlan& plan, const TensorMap& weights) {
  ARCHPOOL_RETURN_IF_ERROR(CheckShapes(plan, weights));
  for (const auto& [name, tensor] : weights) {
    if (std::all_of(tensor.values.begin(), tensor.values.end(),
                    [](float value) { return std::isfinite(value); })) {
      continue;
    }
    return InvalidArgument(
        "WEIGHTS_NOT_FINITE",
        absl::StrCat("tensor ", name,
                     " holds a NaN or an infinity; send finite weights"));
  }
  return absl::OkStatus();
}

}  // namespace archpool::kernels
