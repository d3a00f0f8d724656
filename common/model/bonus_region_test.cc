// SPDX-License-Identifier: Apache-2.0
#include "common/model/bonus_region.h"

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(BonusRegionTest, AccuracyAloneWhereNothingElseWasAsked) {
  TaskSpec spec;
  spec.limits.macs_max = 1'000'000;
  const BonusRegion region = BonusRegionOf(spec, 10'000, 10);
  EXPECT_EQ(region.macs_max, 0) << "a limit is no objective";
  EXPECT_EQ(region.accuracy_min_ppm, 109'100) << "chance and 3 deviations";
}

TEST(BonusRegionTest, TheLimitBoundsSmallNetworksThatAreWorthSomething) {
  TaskSpec spec;
  spec.limits.macs_max = 1'000'000;
  spec.search.halved_macs_ppm = 5'000;
  EXPECT_EQ(BonusRegionOf(spec, 10'000, 10).macs_max, 1'000'000);
}

TEST(BonusRegionTest, WhatTheClientNamesGoesFirst) {
  TaskSpec spec;
  spec.limits.macs_max = 1'000'000;
  spec.terms.bonus_macs_max = 500'000;
  spec.terms.bonus_accuracy_min_ppm = 900'000;
  const BonusRegion region = BonusRegionOf(spec, 10'000, 10);
  EXPECT_EQ(region.macs_max, 500'000);
  EXPECT_EQ(region.accuracy_min_ppm, 900'000);
}

TEST(BonusRegionTest, NothingBelowChanceEarnsABonus) {
  TaskSpec spec;
  spec.terms.bonus_accuracy_min_ppm = 50'000;
  EXPECT_EQ(BonusRegionOf(spec, 10'000, 10).accuracy_min_ppm, 109'100);
  EXPECT_GT(BonusRegionOf(spec, 1, 2).accuracy_min_ppm, 1'000'000);
}

}  // namespace
}  // namespace archpool
