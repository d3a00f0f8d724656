// SPDX-License-Identifier: Apache-2.0
// The arithmetic's gradients against LibTorch's automatic differentiation in
// double precision, layer by layer and whole, and against finite differences.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/kernels/inner/network.h"
#include "common/kernels/inner/table.h"
#include "common/kernels/reference.h"
#include "common/kernels/weights.h"
#include "common/nn/test_autograd.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"
#include "tests/support/random_plan.h"

namespace archpool::nn {
namespace {

using kernels::TensorName;
using kernels::reference::Values;

// Where every number is between -1 and 1, a rounding is at most 2^-25, and the
// sums of these small networks have some thousand terms.
constexpr double kTolerance = 2e-5;
constexpr int64_t kBatch = 12;
constexpr double kSmoothing = 0.1;

// [example][row][column][channel], as the arithmetic has maps; and back, in
// double.
Values FromMap(const at::Tensor& map) {
  const at::Tensor rows =
      (map.dim() == 4 ? map.permute({0, 2, 3, 1}) : map).to(at::kFloat);
  const at::Tensor flat = rows.contiguous();
  const float* values = flat.data_ptr<float>();
  return Values(values, values + flat.numel());
}
at::Tensor ToMap(const Values& values, const TensorShape& shape) {
  return at::tensor(values)
      .reshape({kBatch, shape.height, shape.width, shape.channels})
      .permute({0, 3, 1, 2})
      .to(at::kDouble);
}
at::Tensor Rounded(const at::Tensor& tensor) {
  return tensor.detach().to(at::kFloat).to(at::kDouble);
}

// By the root of the mean square.
void ExpectClose(const at::Tensor& ours, const at::Tensor& expected,
                 const std::string& what) {
  ASSERT_EQ(ours.numel(), expected.numel()) << what;
  const at::Tensor difference =
      ours.to(at::kDouble).reshape(-1) - expected.detach().reshape(-1);
  const double scale = expected.detach().norm().item<double>() + 1e-9;
  EXPECT_LT(difference.norm().item<double>() / scale, kTolerance) << what;
}

// Numbers that no initial network has: scales, shifts and biases as well.
TensorMap RandomWeights(const LayerPlan& plan, CounterRng& rng) {
  TensorMap weights = kernels::InitialWeights(plan, rng.Next());
  for (auto& [name, tensor] : weights) {
    if (tensor.shape.size() != 1 || name.find("running") != std::string::npos) {
      continue;
    }
    for (float& value : tensor.values) value += rng.NextUnitFloat() - 0.5f;
  }
  return weights;
}

// One random network, with a batch for it.
struct Subject {
  explicit Subject(uint64_t seed) : rng(seed, 0) {
    plan = testing::RandomPlan(rng);
    weights = RandomWeights(plan, rng);
    for (const auto& [name, tensor] : weights) {
      leaves[name] = at::tensor(tensor.values)
                         .reshape(tensor.shape)
                         .to(at::kDouble)
                         .requires_grad_();
    }
    images.resize(static_cast<size_t>(kBatch * plan.input_shape.elements()));
    for (float& pixel : images) pixel = 2.0f * rng.NextUnitFloat() - 1.0f;
    for (int64_t i = 0; i < kBatch; ++i) {
      labels.push_back(
          static_cast<uint8_t>(rng.Below(static_cast<uint32_t>(plan.classes))));
    }
  }

  at::Tensor Loss(const at::Tensor& logits) const {
    const std::vector<int64_t> classes(labels.begin(), labels.end());
    return at::cross_entropy_loss(logits, at::tensor(classes), {},
                                  at::Reduction::Mean, -100, kSmoothing);
  }
  std::vector<at::Tensor> Outputs() const {
    return TrainedOutputs(plan, leaves, ToMap(images, plan.input_shape));
  }

  CounterRng rng;
  LayerPlan plan;
  TensorMap weights;
  Leaves leaves;
  Values images;
  std::vector<uint8_t> labels;
};

// What one layer comes to from an input and from a gradient of its output.
struct LayerResult {
  Values output;
  Values input_gradient;
  TensorMap gradients;  // of its tensors
};

LayerResult BatchNormByLoops(const Subject& subject, size_t index,
                             const Values& input, const Values& gradient) {
  using namespace kernels::reference;  // NOLINT: about nothing else
  const auto name = [index](const char* tensor) {
    return TensorName(static_cast<int64_t>(index), tensor);
  };
  const Tensor& scale = subject.weights.at(name("weight"));
  Values mean(scale.values.size());
  Values variance(scale.values.size());
  BatchStatistics statistics;
  LayerResult result;
  result.output =
      BatchNormForward(input,
                       {.scale = scale.values,
                        .shift = subject.weights.at(name("bias")).values,
                        .running_mean = absl::MakeSpan(mean),
                        .running_variance = absl::MakeSpan(variance)},
                       statistics);
  BatchNormGradients gradients =
      BatchNormBackward(input, gradient, scale.values, statistics);
  result.input_gradient = std::move(gradients.input);
  result.gradients[name("weight")].values = std::move(gradients.scale);
  result.gradients[name("bias")].values = std::move(gradients.shift);
  return result;
}

LayerResult ByLoops(const Subject& subject, size_t index, const Values& input,
                    const Values& gradient) {
  using namespace kernels::reference;  // NOLINT: about nothing else
  const Layer& layer = subject.plan.layers[index];
  const std::string weight = TensorName(static_cast<int64_t>(index), "weight");
  const std::string bias = TensorName(static_cast<int64_t>(index), "bias");
  LayerResult result;
  switch (layer.kind) {
    case LayerKind::kConv: {
      const Values& weights = subject.weights.at(weight).values;
      result.output = ConvForward(layer, kBatch, input, weights);
      result.input_gradient =
          ConvInputGradient(layer, kBatch, gradient, weights);
      result.gradients[weight].values =
          ConvWeightGradient(layer, kBatch, input, gradient);
      break;
    }
    case LayerKind::kLinear: {
      const Values& weights = subject.weights.at(weight).values;
      result.output = LinearForward(layer, kBatch, input, weights,
                                    subject.weights.at(bias).values);
      result.input_gradient =
          LinearInputGradient(layer, kBatch, gradient, weights);
      result.gradients[weight].values =
          LinearWeightGradient(layer, kBatch, input, gradient);
      result.gradients[bias].values =
          LinearBiasGradient(layer, kBatch, gradient);
      break;
    }
    case LayerKind::kBatchNorm:
      return BatchNormByLoops(subject, index, input, gradient);
    case LayerKind::kRelu:
    case LayerKind::kHardswish:
    case LayerKind::kSilu:
      for (size_t i = 0; i < input.size(); ++i) {
        result.output.push_back(Activate(layer.kind, input[i]));
        result.input_gradient.push_back(
            ActivationGradient(layer.kind, input[i], gradient[i]));
      }
      break;
    case LayerKind::kMaxPool:
    case LayerKind::kAvgPool:
    case LayerKind::kGlobalAvgPool:
      result.output = PoolForward(layer, kBatch, input);
      result.input_gradient = PoolInputGradient(layer, kBatch, input, gradient);
      break;
    case LayerKind::kAdd:
      break;  // its gradients are the readers' sums: whole networks show them
  }
  return result;
}

// The same numbers through the loops and through LibTorch in double. The
// gradient is drawn: the network's own often adds up to nothing but roundings,
// which says nothing.
void CompareLayer(Subject& subject, size_t index, const at::Tensor& any_input) {
  const Layer& layer = subject.plan.layers[index];
  if (layer.kind == LayerKind::kAdd) return;
  const at::Tensor input = Rounded(any_input).requires_grad_();
  Values gradient(static_cast<size_t>(kBatch * layer.output_shape.elements()));
  for (float& value : gradient) {
    value = 2.0f * subject.rng.NextUnitFloat() - 1.0f;
  }
  Leaves leaves;
  for (const auto& [name, leaf] : subject.leaves) {
    leaves[name] = leaf.detach().requires_grad_();
  }
  const at::Tensor expected =
      TrainedLayer(layer, static_cast<int64_t>(index), input, {}, leaves);
  expected.backward(
      ToMap(gradient, layer.output_shape).reshape(expected.sizes()));
  const LayerResult result =
      ByLoops(subject, index, FromMap(input.detach()), gradient);
  const std::string what =
      absl::StrCat("layer ", index, ", ", ToString(layer.kind), ", ");
  ExpectClose(ToMap(result.output, layer.output_shape), expected,
              what + "output");
  ExpectClose(ToMap(result.input_gradient, layer.input_shape), input.grad(),
              what + "gradient of the input");
  for (const auto& [name, tensor] : result.gradients) {
    ExpectClose(at::tensor(tensor.values), leaves.at(name).grad(),
                what + "gradient of " + name);
  }
}

TEST(KernelsTest, LayersDifferentiateAsLibTorchDoes) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(absl::StrCat("network ", seed));
    Subject subject(seed);
    const at::Tensor images = ToMap(subject.images, subject.plan.input_shape);
    const std::vector<at::Tensor> outputs = subject.Outputs();
    for (size_t i = 0; i < outputs.size(); ++i) {
      const int input = subject.plan.layers[i].input;
      CompareLayer(subject, i,
                   input < 0 ? images : outputs[static_cast<size_t>(input)]);
    }
  }
}

// Every parameter's gradient, after all layers in the kernels.
TensorMap GradientsOfKernels(const Subject& subject) {
  kernels::Team team(1);
  kernels::Network network(subject.plan.input_shape, subject.plan.layers,
                           kBatch, kernels::TableOf(kernels::WidestSimd()),
                           team);
  kernels::Parameters& parameters = network.parameters();
  const auto name_of = [](const kernels::TensorPlace& place) {
    return TensorName(static_cast<int64_t>(place.layer), place.name);
  };
  for (const auto& places : {parameters.trained(), parameters.running()}) {
    for (const kernels::TensorPlace& place : places) {
      place.layout.FromFile(subject.weights.at(name_of(place)).values.data(),
                            parameters.At(place));
    }
  }
  network.Forward(subject.images.data());
  network.LossGradient(subject.labels.data(), kSmoothing);
  network.Backward();
  TensorMap gradients;
  for (const kernels::TensorPlace& place : parameters.trained()) {
    Tensor& gradient = gradients[name_of(place)];
    gradient.shape = subject.weights.at(name_of(place)).shape;
    gradient.values.resize(static_cast<size_t>(place.layout.values()));
    place.layout.ToFile(parameters.Gradient(place), gradient.values.data());
  }
  return gradients;
}

// The slope of the loss along `direction` of one tensor, from two losses.
double Slope(const Subject& subject, const std::string& name,
             const at::Tensor& direction) {
  // So near that few activations have their kink between the two.
  constexpr double kDistance = 1e-8;
  const c10::NoGradGuard no_gradients;
  double losses[2];
  for (const int side : {0, 1}) {
    Leaves leaves = subject.leaves;
    leaves[name] = subject.leaves.at(name).detach() +
                   direction * (side == 0 ? -kDistance : kDistance);
    losses[side] = subject
                       .Loss(TrainedOutputs(subject.plan, leaves,
                                            ToMap(subject.images,
                                                  subject.plan.input_shape))
                                 .back())
                       .item<double>();
  }
  return (losses[1] - losses[0]) / (2 * kDistance);
}

TEST(KernelsTest, NetworksDifferentiateAsLibTorchAndFiniteDifferencesDo) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(absl::StrCat("network ", seed));
    Subject subject(seed);
    const TensorMap gradients = GradientsOfKernels(subject);
    subject.Loss(subject.Outputs().back()).backward();
    double largest = 0;
    for (const auto& [name, gradient] : gradients) {
      largest = std::max(largest,
                         subject.leaves.at(name).grad().norm().item<double>());
    }
    for (const auto& [name, gradient] : gradients) {
      const at::Tensor expected = subject.leaves.at(name).grad();
      const at::Tensor ours =
          at::tensor(gradient.values).reshape(expected.sizes()).to(at::kDouble);
      // A weight in front of a batch norm may have a gradient of nothing but
      // roundings: what is small beside the others is measured by them.
      const double scale = expected.norm().item<double>() + 1e-2 * largest;
      EXPECT_LT((ours - expected).norm().item<double>(), 1e-4 * scale) << name;
      at::Tensor direction = at::zeros_like(expected);
      for (int64_t i = 0; i < direction.numel(); ++i) {
        direction.data_ptr<double>()[i] =
            static_cast<double>(subject.rng.NextUnitFloat()) - 0.5;
      }
      EXPECT_NEAR(Slope(subject, name, direction),
                  (ours * direction).sum().item<double>(),
                  1e-4 * scale * direction.norm().item<double>())
          << name;
    }
  }
}

}  // namespace
}  // namespace archpool::nn
