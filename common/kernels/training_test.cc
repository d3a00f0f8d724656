// SPDX-License-Identifier: Apache-2.0
// Whole trainings and evaluations against reference_network.h, bit for bit, on
// every set of instructions and with any number of threads.
#include "common/kernels/training.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/sanitized.h"
#include "common/base/status.h"
#include "common/kernels/reference_network.h"
#include "common/kernels/schedule.h"
#include "common/kernels/trial_batches.h"
#include "common/kernels/weights.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"
#include "tests/support/random_plan.h"

namespace archpool::kernels {
namespace {

Dataset Noise(const LayerPlan& plan, int64_t count, uint64_t seed) {
  Dataset data;
  data.shape = plan.input_shape;
  data.classes = plan.classes;
  CounterRng rng(seed, 1);
  data.images.resize(static_cast<size_t>(count * data.shape.elements()));
  for (uint8_t& pixel : data.images) {
    pixel = static_cast<uint8_t>(rng.Below(256));
  }
  data.labels.resize(static_cast<size_t>(count));
  for (uint8_t& label : data.labels) {
    label =
        static_cast<uint8_t>(rng.Below(static_cast<uint32_t>(plan.classes)));
  }
  return data;
}

Recipe SmallRecipe(int64_t batch) {
  Recipe recipe;
  recipe.batch_size = batch;
  recipe.segments = 3;
  recipe.learning_rate_ppm = 50'000;
  recipe.label_smoothing_ppm = 100'000;
  recipe.shift_pixels_max = 1;
  recipe.horizontal_flip = true;
  return recipe;
}

bool HaveEqualBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void ExpectEqualBits(const TensorMap& a, const TensorMap& b,
                     const std::string& prefix = "") {
  for (const auto& [name, tensor] : a) {
    const auto found = b.find(prefix + name);
    ASSERT_NE(found, b.end()) << name;
    EXPECT_TRUE(HaveEqualBits(tensor.values, found->second.values)) << name;
  }
}

struct Trained {
  TensorMap weights;
  TensorMap velocities;
};

Trained TrainByReference(const LayerPlan& plan, const Recipe& recipe,
                         const Dataset& data, uint64_t key) {
  reference::ReferenceNetwork network(plan, InitialWeights(plan, key));
  const Schedule schedule(recipe, data.count());
  TrialBatches batches(recipe, key, schedule, {}, data);
  for (int64_t step = 0; step < schedule.steps(); ++step) {
    const Batch& batch = batches.At(step);
    EXPECT_TRUE(network.Step(
        batch.images, batch.labels,
        {.rate = static_cast<float>(schedule.LearningRate(step)),
         .momentum = static_cast<float>(recipe.momentum_ppm) / 1e6f,
         .decay = static_cast<float>(recipe.weight_decay_ppm) / 1e6f},
        static_cast<double>(recipe.label_smoothing_ppm) / 1e6));
  }
  return {network.weights(), network.velocities()};
}

// The loops of the reference under sanitizers take ten times as long.
constexpr int Networks(int count) { return kIsSanitized ? count / 3 : count; }

TEST(TrainingTest, EqualsTheReferenceEverywhere) {
  CounterRng rng(5, 0);
  for (int i = 0; i < Networks(25); ++i) {
    const LayerPlan plan = testing::RandomPlan(rng);
    const int64_t batch = 1 + int64_t{rng.Below(9)};
    const Recipe recipe = SmallRecipe(batch);
    const Dataset data = Noise(plan, 4 * batch, static_cast<uint64_t>(i));
    const Digest key = Sha256(absl::StrCat("key ", i));
    const Trained expected =
        TrainByReference(plan, recipe, data, key.Prefix64());
    for (const Simd simd : SimdsHere()) {
      const Machine machine{simd, 1 + static_cast<int>(rng.Below(5))};
      SCOPED_TRACE(absl::StrCat(ToString(simd), ", ", machine.threads,
                                " threads, batch ", batch, "\n",
                                DescribePlan(plan)));
      Checkpoint last;
      const auto trained = Train(
          plan, recipe, {}, key, {}, data, data, {},
          [&](const Checkpoint& at) {
            last = at;
            return absl::OkStatus();
          },
          nullptr, machine);
      ASSERT_TRUE(trained.ok()) << trained.status();
      EXPECT_FALSE(trained->diverged_at_step.has_value());
      EXPECT_EQ(last.boundary, recipe.segments);
      ExpectEqualBits(expected.weights, trained->weights);
      // At rest after the last step, as after every rung.
      for (const auto& [name, tensor] : last.optimizer) {
        for (const float value : tensor.values) EXPECT_EQ(value, 0.0f);
      }
    }
  }
}

TEST(TrainingTest, EvaluatesAsTheReferenceDoes) {
  CounterRng rng(6, 0);
  for (int i = 0; i < Networks(15); ++i) {
    const LayerPlan plan = testing::RandomPlan(rng);
    const Dataset data = Noise(plan, 70, static_cast<uint64_t>(i));
    TensorMap weights = InitialWeights(plan, 3);
    for (auto& [name, tensor] : weights) {
      for (float& value : tensor.values) {
        value += 0.01f * static_cast<float>(rng.Below(17));
      }
    }
    reference::Values images(static_cast<size_t>(70) *
                             static_cast<size_t>(data.shape.elements()));
    const PixelReader reader(data, {});
    for (int64_t n = 0; n < 70; ++n) {
      reader.Read(n, {}, images.data() + n * data.shape.elements());
    }
    const reference::Values expected =
        reference::ReferenceNetwork(plan, weights).Evaluate(images, 70);
    for (const Simd simd : SimdsHere()) {
      SCOPED_TRACE(absl::StrCat(ToString(simd), "\n", DescribePlan(plan)));
      reference::Values logits;
      const absl::Status status =
          ComputeLogits(plan, weights, {}, data,
                        [&](int64_t, absl::Span<const float> rows) {
                          logits.insert(logits.end(), rows.begin(), rows.end());
                          return true;
                        },
                        {simd, 1 + i % 3});
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_TRUE(HaveEqualBits(logits, expected));
    }
  }
}

// ARCHPOOL_SOAK: 2,100 segments.
TEST(TrainingTest, ReplaysEverySegmentUnderOtherInstructions) {
  CounterRng rng(7, 0);
  const int networks =
      std::getenv("ARCHPOOL_SOAK") != nullptr ? 700 : Networks(20);
  for (int i = 0; i < networks; ++i) {
    const LayerPlan plan = testing::RandomPlan(rng);
    const int64_t batch = 1 + int64_t{rng.Below(9)};
    const Recipe recipe = SmallRecipe(batch);
    const Dataset data = Noise(plan, 6 * batch, static_cast<uint64_t>(i));
    const Digest key = Sha256("key");
    std::vector<Checkpoint> seen;
    const auto draw = [&] {
      return Machine{SimdsHere()[rng.Next() % SimdsHere().size()],
                     1 + static_cast<int>(rng.Below(8))};
    };
    ASSERT_TRUE(Train(
                    plan, recipe, {}, key, {}, data, data, {},
                    [&](const Checkpoint& at) {
                      seen.push_back(at);
                      return absl::OkStatus();
                    },
                    nullptr, draw())
                    .ok());
    ASSERT_EQ(seen.size(), static_cast<size_t>(recipe.segments) + 1);
    for (size_t s = 0; s + 1 < seen.size(); ++s) {
      const auto replayed =
          ReplaySegment(plan, recipe, {}, key, {}, data, seen[s], draw());
      ASSERT_TRUE(replayed.ok()) << replayed.status();
      EXPECT_EQ(*replayed, seen[s + 1]);
    }
  }
}

TEST(TrainingTest, ADivergedTrainingRepeatsItsState) {
  const LayerPlan plan = testing::ThreeLayerCnn();
  Recipe recipe = SmallRecipe(4);
  recipe.learning_rate_ppm = 1'000'000'000'000'000;
  recipe.momentum_ppm = 990'000;
  recipe.segments = 8;
  const Dataset data = Noise(plan, 64, 1);
  const Digest key = Sha256("key");
  std::vector<Checkpoint> seen;
  const auto trained = Train(plan, recipe, {}, key, {}, data, data, {},
                             [&](const Checkpoint& at) {
                               seen.push_back(at);
                               return absl::OkStatus();
                             });
  ASSERT_TRUE(trained.ok()) << trained.status();
  ASSERT_TRUE(trained->diverged_at_step.has_value());
  EXPECT_EQ(trained->validation_correct, 0);
  ASSERT_EQ(seen.size(), 9u);
  for (const auto& [name, tensor] : trained->weights) {
    for (const float value : tensor.values) {
      EXPECT_TRUE(std::isfinite(value)) << name;
    }
  }
  EXPECT_EQ(DivergedAtStep(seen.back()), trained->diverged_at_step);
  for (size_t s = 0; s + 1 < seen.size(); ++s) {
    const auto replayed =
        ReplaySegment(plan, recipe, {}, key, {}, data, seen[s]);
    ASSERT_TRUE(replayed.ok()) << replayed.status();
    EXPECT_EQ(*replayed, seen[s + 1]) << s;
  }
}

// A NaN would diverge at the first step, wherever a miner wanted that.
TEST(TrainingTest, NoTrainingGoesOnFromWhatIsNotFinite) {
  const LayerPlan plan = testing::ThreeLayerCnn();
  const Recipe recipe = SmallRecipe(4);
  const Dataset data = Noise(plan, 16, 1);
  const Digest key = Sha256("key");
  const auto start = StartTraining(plan, recipe, {}, key, {}, data);
  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_TRUE(ReplaySegment(plan, recipe, {}, key, {}, data, *start).ok());
  for (const float value : {std::nanf(""), -HUGE_VALF}) {
    for (TensorMap Checkpoint::*file :
         {&Checkpoint::weights, &Checkpoint::optimizer}) {
      Checkpoint from = *start;
      ((from.*file).begin()->second).values.back() = value;
      EXPECT_EQ(
          GetReason(
              ReplaySegment(plan, recipe, {}, key, {}, data, from).status()),
          "CHECKPOINT_MALFORMED");
    }
  }
}

}  // namespace
}  // namespace archpool::kernels
