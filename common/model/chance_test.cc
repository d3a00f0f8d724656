// SPDX-License-Identifier: Apache-2.0
#include "common/model/chance.h"

#include <gtest/gtest.h>

#include <cmath>

namespace archpool {
namespace {

// Every small split: the integers say what the formula says.
TEST(ChanceTest, AgreesWithItsDefinition) {
  for (int64_t classes = 1; classes <= 12; ++classes) {
    for (int64_t count = 1; count <= 200; ++count) {
      const double p = 1.0 / static_cast<double>(classes);
      const double n = static_cast<double>(count);
      const double bar = n * p + static_cast<double>(kChanceDeviations) *
                                     std::sqrt(n * p * (1 - p));
      for (int64_t correct = 0; correct <= count; ++correct) {
        const double distance = static_cast<double>(correct) - bar;
        if (std::abs(distance) < 1e-9) continue;
        EXPECT_EQ(IsAboveChance(correct, count, classes),
                  distance > 0 && classes > 1)
            << correct << " of " << count << " in " << classes;
      }
    }
  }
}

TEST(ChanceTest, TheSmallestCountIsTheFirstThatIsAbove) {
  for (int64_t classes = 1; classes <= 12; ++classes) {
    for (int64_t count = 1; count <= 200; ++count) {
      const int64_t least = CorrectAboveChance(count, classes);
      if (least <= count) {
        EXPECT_TRUE(IsAboveChance(least, count, classes));
      }
      if (least > 0) {
        EXPECT_FALSE(IsAboveChance(least - 1, count, classes));
      }
    }
  }
}

// A hard problem of two classes is no guess: 73 % of 400 images was refused
// where the bar was one and a half times chance.
TEST(ChanceTest, SeventyPercentOfTwoClassesIsAResult) {
  EXPECT_TRUE(IsAboveChance(280, 400, 2));
  EXPECT_EQ(CorrectAboveChance(400, 2), 231);
  EXPECT_EQ(AccuracyAboveChancePpm(400, 2), 577'500);
}

TEST(ChanceTest, OneClassAndOneImageTeachNothing) {
  EXPECT_FALSE(IsAboveChance(1'000, 1'000, 1));
  EXPECT_EQ(CorrectAboveChance(1'000, 1), 1'001);
  EXPECT_EQ(CorrectAboveChance(1, 2), 2);
  EXPECT_GT(AccuracyAboveChancePpm(1, 2), 1'000'000);
}

TEST(ChanceTest, LimitsOfADatasetDoNotOverflow) {
  EXPECT_TRUE(IsAboveChance(100'000'000, 100'000'000, 256));
  EXPECT_FALSE(IsAboveChance(390'625, 100'000'000, 256));
}

}  // namespace
}  // namespace archpool
