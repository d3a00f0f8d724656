// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/batches.h"

#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace archpool::kernels {
namespace {

// Two channels of 2x3 pixels; mean 0 and deviation 1 keep value / 255.
Dataset TwoChannels() {
  Dataset data;
  data.shape = {2, 2, 3};
  data.classes = 2;
  data.images = {10, 20, 30, 40, 50, 60, 110, 120, 130, 140, 150, 160};
  data.labels = {1};
  return data;
}

std::vector<int> ReadAll(const Dataset& data, const Displacement& move) {
  std::vector<float> out(static_cast<size_t>(data.shape.elements()));
  PixelReader(data, Normalization{}).Read(0, move, out.data());
  std::vector<int> pixels;
  for (const float value : out) {
    pixels.push_back(static_cast<int>(value * 255.0f + 0.5f));
  }
  return pixels;
}

TEST(PixelReaderTest, PutsChannelsLast) {
  EXPECT_EQ(
      ReadAll(TwoChannels(), {}),
      (std::vector<int>{10, 110, 20, 120, 30, 130, 40, 140, 50, 150, 60, 160}));
}

TEST(PixelReaderTest, ShiftsAndMirrors) {
  EXPECT_EQ(ReadAll(TwoChannels(), {.down = 1, .right = -1}),
            (std::vector<int>{0, 0, 0, 0, 0, 0, 20, 120, 30, 130, 0, 0}));
  EXPECT_EQ(
      ReadAll(TwoChannels(), {.mirrored = true}),
      (std::vector<int>{30, 130, 20, 120, 10, 110, 60, 160, 50, 150, 40, 140}));
}

TEST(PixelReaderTest, NormalizesWithMeanAndDeviation) {
  const Dataset data = TwoChannels();
  std::vector<float> out(12);
  const Normalization normalization{.mean_ppm = 500'000,
                                    .deviation_ppm = 250'000};
  PixelReader(data, normalization).Read(0, {}, out.data());
  EXPECT_FLOAT_EQ(out[0], static_cast<float>((10 / 255.0 - 0.5) / 0.25));
}

// Every place within reach comes up, none beyond; no reach draws nothing.
TEST(DisplacementTest, StaysWithinTheRecipe) {
  Recipe recipe;
  recipe.shift_pixels_max = 1;
  recipe.horizontal_flip = true;
  CounterRng rng(1, 2);
  std::set<std::pair<int64_t, int64_t>> places;
  int mirrored = 0;
  for (int i = 0; i < 400; ++i) {
    const Displacement move = DrawDisplacement(recipe, rng);
    places.insert({move.down, move.right});
    mirrored += move.mirrored ? 1 : 0;
  }
  EXPECT_EQ(places.size(), 9u);
  EXPECT_GT(mirrored, 150);
  EXPECT_LT(mirrored, 250);
  const Displacement still = DrawDisplacement(Recipe{}, rng);
  EXPECT_EQ(still.down, 0);
  EXPECT_EQ(still.right, 0);
  EXPECT_FALSE(still.mirrored);
}

}  // namespace
}  // namespace archpool::kernels
