// SPDX-License-Identifier: Apache-2.0
// The stated arithmetic against the definition, written out another way.
#include "client/import/resize.h"

#include <algorithm>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/picture_writer.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;

TEST(TapsTest, WeightsOfEachPixelSumUp) {
  for (int64_t from = 1; from <= 40; ++from) {
    for (int64_t to = 1; to <= 40; ++to) {
      const AxisTaps axis = MakeTaps(from, to);
      ASSERT_EQ(std::ssize(axis.taps), to);
      for (const AxisTaps::Tap& tap : axis.taps) {
        ASSERT_GE(tap.first, 0);
        ASSERT_LE(tap.first + std::ssize(tap.weights), from);
        ASSERT_EQ(std::accumulate(tap.weights.begin(), tap.weights.end(),
                                  uint64_t{0}),
                  axis.sum)
            << from << " to " << to;
      }
    }
  }
}

// Shrinking neither drops nor prefers a pixel.
TEST(TapsTest, BoxesCoverAllAlike) {
  for (int64_t from = 1; from <= 40; ++from) {
    for (int64_t to = 1; to <= from; ++to) {
      std::vector<uint64_t> covered(static_cast<size_t>(from), 0);
      for (const AxisTaps::Tap& tap : MakeTaps(from, to).taps) {
        for (size_t i = 0; i < tap.weights.size(); ++i) {
          covered[static_cast<size_t>(tap.first) + i] += tap.weights[i];
        }
      }
      for (const uint64_t weight : covered) {
        ASSERT_EQ(weight, static_cast<uint64_t>(to)) << from << " to " << to;
      }
    }
  }
}

Picture Row(std::vector<uint8_t> pixels) {
  const auto width = std::ssize(pixels);
  return {
      .width = width, .height = 1, .channels = 1, .pixels = std::move(pixels)};
}

std::vector<uint8_t> Resized(const Picture& picture, int64_t width,
                             int64_t height) {
  return Resize(picture, BoxOf(picture, PictureFit::kStretch, width, height),
                width, height)
      .pixels;
}

TEST(ResizeTest, KnownRows) {
  EXPECT_THAT(Resized(Row({0, 100, 200, 50}), 2, 1), ElementsAre(50, 125));
  EXPECT_THAT(Resized(Row({10, 20, 60}), 2, 1), ElementsAre(13, 47));
  EXPECT_THAT(Resized(Row({0, 100}), 4, 1), ElementsAre(0, 25, 75, 100));
  EXPECT_THAT(Resized(Row({7}), 3, 1), ElementsAre(7, 7, 7));
  // A half is rounded up.
  EXPECT_THAT(Resized(Row({0, 1}), 1, 1), ElementsAre(1));
}

// Every pixel by one sum over both axes, without sums of rows.
TEST(ResizeTest, IsWhatTheDefinitionSays) {
  for (const auto& [width, height] : {std::pair<int64_t, int64_t>{5, 4},
                                      {13, 9},
                                      {20, 3},
                                      {3, 31},
                                      {13, 1},
                                      {26, 18},
                                      {1, 1}}) {
    const Picture picture = SamplePicture(13, 9, 3, width);
    const Picture resized =
        Resize(picture, BoxOf(picture, PictureFit::kStretch, width, height),
               width, height);
    const AxisTaps across = MakeTaps(13, width);
    const AxisTaps down = MakeTaps(9, height);
    const uint64_t whole = across.sum * down.sum;
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        for (int64_t c = 0; c < 3; ++c) {
          uint64_t sum = 0;
          const auto& rows = down.taps[static_cast<size_t>(y)];
          const auto& columns = across.taps[static_cast<size_t>(x)];
          for (size_t j = 0; j < rows.weights.size(); ++j) {
            for (size_t i = 0; i < columns.weights.size(); ++i) {
              const int64_t at = ((rows.first + static_cast<int64_t>(j)) * 13 +
                                  columns.first + static_cast<int64_t>(i)) *
                                     3 +
                                 c;
              sum += uint64_t{rows.weights[j]} * columns.weights[i] *
                     picture.pixels[static_cast<size_t>(at)];
            }
          }
          const auto at = static_cast<size_t>((y * width + x) * 3 + c);
          ASSERT_EQ(resized.pixels[at], (2 * sum + whole) / (2 * whole))
              << width << "x" << height << " at " << at;
        }
      }
    }
  }
}

TEST(ResizeTest, KeepsWhatFits) {
  const Picture picture = SamplePicture(13, 9, 4);
  EXPECT_EQ(Resized(picture, 13, 9), picture.pixels);
}

TEST(ResizeTest, CropsTheMiddle) {
  const Picture wide = Row({1, 2, 3, 4, 5, 6});
  const PictureBox box = BoxOf(wide, PictureFit::kCrop, 1, 1);
  EXPECT_EQ(box.left, 2);
  EXPECT_EQ(box.width, 1);
  const PictureBox half = BoxOf(wide, PictureFit::kCrop, 3, 1);
  EXPECT_EQ(half.left, 1);
  EXPECT_EQ(half.width, 3);
  EXPECT_THAT(Resize(wide, half, 3, 1).pixels, ElementsAre(2, 3, 4));
  const Picture tall{.width = 2,
                     .height = 5,
                     .channels = 1,
                     .pixels = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4}};
  const PictureBox square = BoxOf(tall, PictureFit::kCrop, 8, 8);
  EXPECT_EQ(square.top, 1);
  EXPECT_EQ(square.height, 2);
}

}  // namespace
}  // namespace archpool
