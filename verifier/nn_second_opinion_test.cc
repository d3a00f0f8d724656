// SPDX-License-Identifier: Apache-2.0
// The kernels beside LibTorch in double precision, over random networks.
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "common/base/counter_rng.h"
#include "common/kernels/training.h"
#include "common/kernels/weights.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"
#include "verifier/consultation.h"
#include "verifier/kernel_evaluator.h"
#include "verifier/make_second_opinion.h"

namespace archpool {
namespace {

constexpr int64_t kExamples = 96;

class RandomNetwork {
 public:
  explicit RandomNetwork(uint64_t seed) : rng_(seed, 0) {
    testing::PlanBuilder builder({Draw(1, 3), Draw(5, 9), Draw(5, 9)},
                                 Draw(2, 10));
    constexpr LayerKind kActivations[] = {
        LayerKind::kRelu, LayerKind::kHardswish, LayerKind::kSilu};
    builder.Block(Draw(2, 24), 3, 1);
    for (int64_t block = Draw(1, 4); block > 0; --block) {
      const LayerKind activation = kActivations[Draw(0, 2)];
      if (Draw(0, 3) == 0) builder.Pool(LayerKind::kMaxPool, 3, 1);
      if (Draw(0, 3) == 0) builder.Pool(LayerKind::kAvgPool, 3, 1);
      const int before = builder.Block(Draw(2, 32), 2 * Draw(0, 2) + 1,
                                       Draw(1, 2), activation);
      const int64_t width = builder.plan()
                                .layers[static_cast<size_t>(before)]
                                .output_shape.channels;
      builder.Conv(width, 3, 1, width);
      builder.BatchNorm();
      builder.Add(before);
      builder.BatchNorm();  // folded into nothing
    }
    builder.GlobalAvgPool();
    builder.Linear();
    plan = builder.plan();
    weights = kernels::InitialWeights(plan, seed);
    for (auto& [name, tensor] : weights) {
      const bool is_norm =
          plan.layers[LayerOf(name)].kind == LayerKind::kBatchNorm;
      for (float& value : tensor.values) {
        if (!is_norm) continue;
        value = absl::EndsWith(name, "running_var") ? Real(0.02, 2)
                : absl::EndsWith(name, "weight")    ? Real(0.5, 1.5)
                                                    : Real(-0.5, 0.5);
      }
    }
    data.shape = plan.input_shape;
    data.classes = plan.classes;
    for (int64_t i = 0; i < kExamples * data.shape.elements(); ++i) {
      data.images.push_back(static_cast<uint8_t>(rng_.Below(256)));
    }
    for (int64_t i = 0; i < kExamples; ++i) {
      data.labels.push_back(static_cast<uint8_t>(i % plan.classes));
    }
    manifest.mean_ppm = 480'000;
    manifest.deviation_ppm = 250'000;
  }

  static size_t LayerOf(const std::string& name) {
    return std::stoul(name.substr(std::string("layers.").size()));
  }
  int64_t Draw(int64_t first, int64_t last) {
    return first + rng_.Below(static_cast<uint32_t>(last - first + 1));
  }
  float Real(double low, double high) {
    return static_cast<float>(low + (high - low) * rng_.NextUnitFloat());
  }

  LayerPlan plan;
  TensorMap weights;
  Dataset data;
  DatasetManifest manifest;

 private:
  CounterRng rng_;
};

// LibTorch's opinion about the right weights, whatever it is asked about.
class OpinionAbout : public SecondOpinion {
 public:
  explicit OpinionAbout(const TensorMap& weights)
      : weights_(weights), libtorch_(MakeSecondOpinion(1)) {}
  absl::StatusOr<std::vector<double>> ComputeLogits(
      const LayerPlan& plan, const TensorMap& /*weights*/,
      const DatasetManifest& manifest, const Dataset& dataset,
      OpinionPrecision precision) override {
    return libtorch_->ComputeLogits(plan, weights_, manifest, dataset,
                                    precision);
  }

 private:
  const TensorMap& weights_;
  const std::unique_ptr<SecondOpinion> libtorch_;
};

// nn_second_opinion_test.soak looks at the thousand networks that
// docs/arithmetic.md speaks of; every run of the tests at a hundred of them.
TEST(NnSecondOpinionTest, HonestNetworksAgree) {
  KernelEvaluator asks({}, MakeSecondOpinion(1));
  KernelEvaluator believes({}, nullptr);
  const uint64_t networks = getenv("ARCHPOOL_SOAK") == nullptr ? 100 : 1'000;
  for (uint64_t seed = 0; seed < networks; ++seed) {
    const RandomNetwork network(seed);
    const auto asked = asks.CountCorrect(network.plan, network.weights,
                                         network.manifest, network.data);
    ASSERT_TRUE(asked.ok()) << seed << ": " << asked.status();
    EXPECT_EQ(asked, believes.CountCorrect(network.plan, network.weights,
                                           network.manifest, network.data));
  }
}

// Weights that the kernels compute with as they would with the right ones, were
// their folding wrong.
TEST(NnSecondOpinionTest, AWrongFoldingConstantIsFound) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const RandomNetwork network(seed);
    KernelEvaluator evaluator({},
                              std::make_unique<OpinionAbout>(network.weights));
    TensorMap wrong_epsilon = network.weights;
    TensorMap wrong_shift = network.weights;
    for (const auto& [name, tensor] : network.weights) {
      const bool is_variance = absl::EndsWith(name, "running_var");
      const bool is_shift =
          network.plan.layers[RandomNetwork::LayerOf(name)].kind ==
              LayerKind::kBatchNorm &&
          (absl::EndsWith(name, "bias") ||
           absl::EndsWith(name, "running_mean"));
      for (size_t i = 0; i < tensor.values.size(); ++i) {
        if (is_variance) wrong_epsilon[name].values[i] += 1e-3f - 1e-5f;
        if (is_shift) wrong_shift[name].values[i] *= 1.01f;
      }
    }
    for (const TensorMap* wrong : {&wrong_epsilon, &wrong_shift}) {
      const auto asked = evaluator.CountCorrect(network.plan, *wrong,
                                                network.manifest, network.data);
      EXPECT_TRUE(
          absl::StrContains(asked.status().ToString(), "have another answer"))
          << seed << ": " << asked.status();
    }
  }
}

// What double precision is spared changes no finding.
TEST(NnSecondOpinionTest, AskedInTwoPrecisionsItSaysWhatItSaysInDouble) {
  const std::unique_ptr<SecondOpinion> libtorch = MakeSecondOpinion(1);
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const RandomNetwork network(seed);
    std::vector<float> ours;
    ASSERT_TRUE(kernels::ComputeLogits(
                    network.plan, network.weights,
                    {network.manifest.mean_ppm, network.manifest.deviation_ppm},
                    network.data,
                    [&](int64_t /*first*/, absl::Span<const float> some) {
                      ours.insert(ours.end(), some.begin(), some.end());
                      return true;
                    })
                    .ok());
    Consultation consultation(MakeSecondOpinion(1));
    const auto asked = consultation.Ask(network.plan, network.weights,
                                        network.manifest, network.data, ours);
    ASSERT_TRUE(asked.ok()) << asked.status();
    const auto exact =
        libtorch->ComputeLogits(network.plan, network.weights, network.manifest,
                                network.data, OpinionPrecision::kFloat64);
    ASSERT_TRUE(exact.ok()) << exact.status();
    const OpinionComparison whole =
        CompareOpinions(ours, *exact, network.plan.classes, asked->calibration);
    EXPECT_EQ(asked->contradictions, whole.contradictions) << seed;
    EXPECT_EQ(asked->close_calls, whole.close_calls) << seed;
    EXPECT_EQ(asked->in_double, kCalibrationExamples)
        << seed << ": " << Describe(*asked);
  }
}

// No miner raises an alarm with weights that float32 has no answers of.
TEST(NnSecondOpinionTest, WhatIsBeyondFloat32IsNoAlarm) {
  KernelEvaluator asks({}, MakeSecondOpinion(1));
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const RandomNetwork network(seed);
    TensorMap weights = network.weights;
    for (auto& [name, tensor] : weights) {
      for (float& value : tensor.values) value *= 1e30f;
    }
    const auto asked = asks.CountCorrect(network.plan, weights,
                                         network.manifest, network.data);
    EXPECT_TRUE(asked.ok()) << seed << ": " << asked.status();
  }
}

}  // namespace
}  // namespace archpool
