// SPDX-License-Identifier: Apache-2.0
// What a training takes in memory is what TrainingBytes says: measured by the
// resident set of a process of its own.
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

#include "common/base/counter_rng.h"
#include "common/kernels/training.h"
#include "common/nas/training_memory.h"
#include "gtest/gtest.h"
#include "tests/support/plan_builder.h"

namespace archpool::kernels {
namespace {

// A line of /proc/self/status, in bytes; 0 where there is none.
int64_t StatusBytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    int64_t kibi = 0;
    if (word == name && status >> kibi) return kibi << 10;
  }
  return 0;
}

Dataset Pictures(const LayerPlan& plan, int64_t count) {
  Dataset data;
  data.shape = plan.input_shape;
  data.classes = plan.classes;
  data.images.resize(static_cast<size_t>(count * data.shape.elements()), 7);
  data.labels.resize(static_cast<size_t>(count), 1);
  return data;
}

// By how many bytes the resident set grows while a training runs, at its peak;
// 0 where it failed. In a child, whose memory nobody has used before.
int64_t MeasuredBytes(const LayerPlan& plan, int64_t batch, int threads,
                      int64_t validation_count) {
  Recipe recipe;
  recipe.batch_size = batch;
  recipe.segments = 1;
  const Dataset train = Pictures(plan, batch);
  const Dataset validation = Pictures(plan, validation_count);
  int results[2];
  if (pipe(results) != 0) return 0;
  const pid_t child = fork();
  if (child == 0) {
    const int64_t before = StatusBytes("VmRSS:");
    const auto trained =
        Train(plan, recipe, {}, Sha256("key"), {}, train, validation, {},
              [](const Checkpoint&) { return absl::OkStatus(); }, nullptr,
              {WidestSimd(), threads});
    const int64_t grown = trained.ok() ? StatusBytes("VmHWM:") - before : 0;
    const bool is_told = write(results[1], &grown, sizeof grown) ==
                         static_cast<ssize_t>(sizeof grown);
    _exit(is_told ? 0 : 1);
  }
  close(results[1]);
  int64_t grown = 0;
  if (child < 0 || read(results[0], &grown, sizeof grown) !=
                       static_cast<ssize_t>(sizeof grown)) {
    grown = 0;
  }
  close(results[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  return grown;
}

void ExpectWithinATenth(const LayerPlan& plan, int64_t batch, int threads) {
  const auto said = static_cast<double>(TrainingBytes(plan, batch));
  ASSERT_GT(said, 30e6) << "too small to be measured by pages";
  const auto measured =
      static_cast<double>(MeasuredBytes(plan, batch, threads, 1));
  EXPECT_GT(measured, 0.9 * said);
  EXPECT_LT(measured, 1.1 * said);
  ::testing::Test::RecordProperty("ratio", std::to_string(measured / said));
}

TEST(TrainingBytesTest, AreMeasuredWhereMapsAreMost) {
  testing::PlanBuilder builder({1, 28, 28}, 10);
  builder.Block(32, 3, 1);
  builder.Block(48, 3, 2);
  builder.Block(64, 3, 1);
  builder.GlobalAvgPool();
  builder.Linear();
  ExpectWithinATenth(builder.plan(), 256, 1);
  ExpectWithinATenth(builder.plan(), 256, 3);
}

TEST(TrainingBytesTest, AreMeasuredWhereWeightsAreMost) {
  testing::PlanBuilder builder({3, 16, 16}, 10);
  builder.Block(256, 3, 2);
  builder.Block(256, 5, 2);
  builder.Block(512, 3, 2);
  builder.Linear();
  ExpectWithinATenth(builder.plan(), 16, 2);
}

// Every kind of layer, few channels, borders of several widths, and layers
// that others than the next one read.
TEST(TrainingBytesTest, AreMeasuredWithBranches) {
  testing::PlanBuilder builder({3, 32, 32}, 10);
  const int stem = builder.Block(12, 3, 1, LayerKind::kHardswish);
  builder.Block(12, 5, 1, LayerKind::kSilu, 12);
  builder.Add(stem);
  builder.Pool(LayerKind::kMaxPool, 3, 2);
  const int narrow = builder.Block(20, 1, 1);
  builder.Block(60, 1, 1);
  builder.Block(60, 7, 1, LayerKind::kRelu, 60);
  builder.Conv(20, 1, 1);
  builder.BatchNorm();
  builder.Add(narrow);
  builder.Pool(LayerKind::kAvgPool, 3, 2);
  builder.GlobalAvgPool();
  builder.Linear();
  ExpectWithinATenth(builder.plan(), 200, 2);
}

// However many threads there are: they share what a training had.
TEST(TrainingBytesTest, AreEnoughForTheEvaluationThatFollows) {
  testing::PlanBuilder builder({3, 32, 32}, 10);
  for (int i = 0; i < 4; ++i) builder.Block(64, 3, 1);
  builder.GlobalAvgPool();
  builder.Linear();
  constexpr int64_t kBatch = 16;
  constexpr int kThreads = 8;
  constexpr int64_t kExamples = 64 * kThreads;
  const int64_t measured =
      MeasuredBytes(builder.plan(), kBatch, kThreads, kExamples);
  EXPECT_GT(measured, 0);
  EXPECT_LT(static_cast<double>(measured),
            1.1 * static_cast<double>(TrainingBytes(builder.plan(), kBatch)));
}

// What the pool gives out by, without laying a network out.
TEST(TrainingBytesTest, StayWithinTheBoundOfThePool) {
  CounterRng rng(1, 0);
  const auto draw = [&](int64_t first, int64_t last) {
    return first + rng.Below(static_cast<uint32_t>(last - first + 1));
  };
  for (int i = 0; i < 500; ++i) {
    const int64_t side = draw(8, 32);
    testing::PlanBuilder builder({draw(1, 3), side, side}, draw(2, 100));
    int before = builder.Block(draw(1, 64), 3, draw(1, 2));
    for (int64_t blocks = draw(1, 12); blocks > 0; --blocks) {
      const int64_t channels =
          builder.plan().layers.back().output_shape.channels;
      switch (draw(0, 3)) {
        case 0: {
          const int64_t kernel = 2 * draw(0, 5) + 1;
          before = builder.Block(draw(1, 128), kernel, draw(1, 2));
          break;
        }
        case 1:
          before = builder.Pool(LayerKind::kMaxPool, 3, 1);
          break;
        case 2:
          before = builder.Block(channels, 2 * draw(0, 5) + 1, 1,
                                 LayerKind::kSilu, channels);
          break;
        default:
          builder.Block(4 * channels, 1, 1, LayerKind::kHardswish);
          builder.Conv(channels, 1, 1);
          builder.BatchNorm();
          before = builder.Add(before);
      }
    }
    if (draw(0, 1) == 0) builder.GlobalAvgPool();
    builder.Linear();
    const int64_t batch = int64_t{16} << draw(0, 4);
    EXPECT_LE(TrainingBytes(builder.plan(), batch),
              TrainingMemoryMaxBytes(builder.plan(), batch))
        << "network " << i << ", batches of " << batch;
  }
}

}  // namespace
}  // namespace archpool::kernels
