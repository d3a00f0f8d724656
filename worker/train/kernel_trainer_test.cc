// SPDX-License-Identifier: Apache-2.0
#include "worker/train/kernel_trainer.h"

#include <fstream>
#include <string>
#include <vector>

#include "common/model/arithmetic.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"
#include "tests/support/status_matchers.h"
#include "worker/train/speed.h"

namespace archpool {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

class KernelTrainerTest : public ::testing::Test {
 protected:
  KernelTrainerTest() {
    data_.shape = plan_.input_shape;
    data_.classes = plan_.classes;
    for (int64_t i = 0; i < 24 * data_.shape.elements(); ++i) {
      data_.images.push_back(static_cast<uint8_t>(i * i % 251));
    }
    for (int64_t i = 0; i < 24; ++i) {
      data_.labels.push_back(static_cast<uint8_t>(i % plan_.classes));
    }
    manifest_.mean_ppm = 500'000;
    manifest_.deviation_ppm = 250'000;
    recipe_.batch_size = 8;
    recipe_.epochs = 4;
    recipe_.segments = 4;
  }

  absl::StatusOr<TrainingResult> Train(KernelTrainer& trainer) {
    boundaries_.clear();
    return trainer.Train(
        {plan_, recipe_, 0, nullptr, key_, manifest_, data_, data_,
         /*from=*/nullptr, threads_},
        [](int64_t, int64_t) { return true; },
        [this](const Checkpoint& checkpoint) {
          boundaries_.push_back(checkpoint.boundary);
          last_ = checkpoint.weights;
          return absl::OkStatus();
        });
  }

  const LayerPlan plan_ = [] {
    testing::PlanBuilder builder({1, 8, 8}, 4);
    builder.Block(8, 3, 2);
    builder.GlobalAvgPool();
    builder.Linear();
    return builder.plan();
  }();
  const Digest key_ = Sha256("key");
  Dataset data_;
  DatasetManifest manifest_;
  Recipe recipe_;
  int64_t threads_ = 0;
  std::vector<int64_t> boundaries_;
  TensorMap last_;
};

TEST_F(KernelTrainerTest, ThreadsDoNotShow) {
  KernelTrainer one({}, 0);
  const auto by_one = Train(one);
  ASSERT_TRUE(by_one.ok()) << by_one.status();
  EXPECT_THAT(boundaries_, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(by_one->weights, last_);
  EXPECT_FALSE(by_one->diverged_at_step.has_value());
  KernelTrainer three({.threads = 3}, 0);
  const auto by_three = Train(three);
  ASSERT_TRUE(by_three.ok()) << by_three.status();
  EXPECT_EQ(by_three->weights, by_one->weights);
  EXPECT_EQ(by_three->validation_correct, by_one->validation_correct);
}

// What is committed has as many checkpoints as any other.
TEST_F(KernelTrainerTest, ATrainingThatDivergesHasAllCheckpoints) {
  recipe_.learning_rate_ppm = int64_t{1} << 60;
  KernelTrainer trainer({}, 0);
  const auto result = Train(trainer);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->diverged_at_step.has_value());
  EXPECT_EQ(result->validation_correct, 0);
  EXPECT_THAT(boundaries_, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(KernelTrainerTest, BeginsNothingThatDoesNotFit) {
  KernelTrainer trainer({}, int64_t{1} << 20);
  EXPECT_THAT(Train(trainer), FailsWith("TRAINING_OUT_OF_MEMORY"));
  EXPECT_THAT(boundaries_, ElementsAre());
}

TEST_F(KernelTrainerTest, ComputesAsItsArithmeticSays) {
  KernelTrainer trainer({}, 0);
  EXPECT_EQ(trainer.arithmetic(), kArithmetic);
  EXPECT_EQ(trainer.Check(), absl::OkStatus());
}

TEST_F(KernelTrainerTest, ThreadsOfARequestDoNotShowEither) {
  KernelTrainer trainer({}, 0);
  const auto by_all = Train(trainer);
  ASSERT_TRUE(by_all.ok()) << by_all.status();
  threads_ = 2;
  const auto by_two = Train(trainer);
  ASSERT_TRUE(by_two.ok()) << by_two.status();
  EXPECT_EQ(by_two->weights, by_all->weights);
}

TEST_F(KernelTrainerTest, KnowsWhatATrainingTakes) {
  const KernelTrainer trainer({}, 0);
  const int64_t without_data = trainer.MemoryBytes(plan_, recipe_, manifest_);
  EXPECT_GT(without_data, kProgramBytes);
  manifest_.shape = data_.shape;
  manifest_.train_count = 20;
  manifest_.validation_count = 4;
  EXPECT_EQ(trainer.MemoryBytes(plan_, recipe_, manifest_),
            without_data + 24 * (data_.shape.elements() + 1));
}

TEST(SpeedTest, IsMeasured) {
  EXPECT_GT(ImagesPerSecond({}, absl::Milliseconds(1)), 0);
  EXPECT_GT(ImagesPerSecond({}, {.lanes = 2}, absl::Milliseconds(1)), 0);
  EXPECT_GT(
      ImagesPerSecond({}, {.lanes = 1, .threads = 2}, absl::Milliseconds(1)),
      0);
}

TEST_F(KernelTrainerTest, ChoosesOneOfTheLanesItIsOffered) {
  KernelTrainer trainer({kernels::WidestSimd(), 2}, 0);
  const std::vector<LanePlan> choices = LaneChoices(2, int64_t{4} << 30);
  ASSERT_EQ(choices.size(), 2u);
  EXPECT_THAT(choices, Contains(trainer.ChooseLanes(choices)));
}

// The most memory that this process has had, in bytes.
int64_t PeakBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t kibi = 0;
  while (status >> word) {
    if (word == "VmHWM:" && status >> kibi) break;
  }
  return kibi << 10;
}

// However many threads it is told to have.
TEST_F(KernelTrainerTest, MeasuresWithinItsMemory) {
  constexpr int64_t kMemory = int64_t{96} << 20;
  constexpr int kThreads = 32;
  KernelTrainer trainer({kernels::WidestSimd(), kThreads}, kMemory);
  const int64_t before = PeakBytes();
  EXPECT_THAT(trainer.Check(), IsOk());
  EXPECT_EQ(trainer.ChooseLanes(LaneChoices(kThreads, kMemory)).lanes, 1);
  EXPECT_LT(PeakBytes() - before, kMemory);
}

}  // namespace
}  // namespace archpool
