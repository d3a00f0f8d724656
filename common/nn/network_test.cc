// SPDX-License-Identifier: Apache-2.0
// The hand-written backward pass against LibTorch's automatic differentiation
// of the same network, written a second time in its plainest form.
#include "common/nn/network.h"

#include <torch/torch.h>

#include <string>

#include "common/kernels/weights.h"
#include "common/nn/test_autograd.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"
#include "tests/support/spaces.h"

namespace archpool::nn {
namespace {

using kernels::InitialWeights;

void ExpectClose(const at::Tensor& ours, const at::Tensor& theirs,
                 const std::string& what) {
  const double scale = theirs.abs().max().item<double>() + 1e-6;
  const double error = (ours - theirs).abs().max().item<double>();
  EXPECT_LT(error / scale, 2e-4) << what;
}

void CompareGradients(const LayerPlan& plan, int64_t batch) {
  const TensorMap weights = InitialWeights(plan, /*key=*/7);
  Leaves leaves;
  for (const auto& [name, tensor] : weights) {
    leaves[name] = ToTorch(tensor).contiguous().requires_grad_();
  }
  const TensorShape& shape = plan.input_shape;
  torch::manual_seed(1);
  const at::Tensor images =
      torch::randn({batch, shape.channels, shape.height, shape.width});
  const at::Tensor slope = torch::randn({batch, plan.classes});
  const at::Tensor expected = TrainedOutputs(plan, leaves, images).back();
  (expected * slope).sum().backward();

  const c10::InferenceMode inference;
  Network network(plan, weights);
  const at::Tensor logits = network.Forward(
      images.clone().contiguous(at::MemoryFormat::ChannelsLast));
  ExpectClose(logits, expected.detach(), "logits");
  network.Backward(slope.clone());
  for (const Parameter& parameter : network.parameters()) {
    ExpectClose(parameter.gradient, leaves.at(parameter.name).grad(),
                parameter.name);
  }
}

// Small batches: where two roundings of one number fall on either side of an
// activation's kink, gradients truly differ, so few numbers are drawn.
TEST(NetworkTest, GradientsMatchAutomaticDifferentiation) {
  CompareGradients(testing::EveryLayerKind({1, 14, 14}, 10), 8);
  CompareGradients(testing::EveryLayerKind({3, 11, 12}, 7), 8);
  CompareGradients(testing::ThreeLayerCnn(), 8);
}

// One output read three times: its gradient is the sum of all three.
TEST(NetworkTest, AddsGradientsOfEveryReader) {
  testing::PlanBuilder builder({2, 8, 8}, 4);
  const int stem = builder.Block(6, 3, 1);
  const int first = builder.Block(6, 3, 1, LayerKind::kSilu);
  builder.Add(stem);
  builder.Add(first);
  builder.Add(stem);
  builder.GlobalAvgPool();
  builder.Linear();
  CompareGradients(builder.plan(), 24);
}

TEST(NetworkTest, DifferentiatesCells) {
  const SearchSpace space = testing::NasBench201Space(4, 1);
  for (const int64_t rank : {3'906, 7'777, 12'345, 15'624}) {
    const auto plan = MakeLayerPlan(space, space.ArchitectureAt(rank),
                                    {3, 8, 8}, 5, PlanLimits());
    ASSERT_TRUE(plan.ok()) << plan.status();
    CompareGradients(*plan, 4);
  }
}

TEST(NetworkTest, HoldsThePlansParameters) {
  for (const LayerPlan& plan :
       {testing::EveryLayerKind({3, 32, 32}, 10), testing::ThreeLayerCnn()}) {
    Network network(plan, InitialWeights(plan, 1));
    int64_t parameters = 0;
    for (const Parameter& parameter : network.parameters()) {
      parameters += parameter.value.numel();
    }
    EXPECT_EQ(parameters, plan.parameters);
  }
}

// Weights come back as they went in: names, shapes, layout, bits.
TEST(NetworkTest, WeightsSurviveTheRoundTrip) {
  const LayerPlan plan = testing::EveryLayerKind({3, 32, 32}, 10);
  const TensorMap weights = InitialWeights(plan, 1);
  EXPECT_EQ(Network(plan, weights).Weights(), weights);
}

}  // namespace
}  // namespace archpool::nn
