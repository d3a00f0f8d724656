// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/claim_front.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "common/base/counter_rng.h"

namespace archpool {
namespace {

TEST(ClaimFrontTest, KeepsWhatNothingAsCheapBeats) {
  ClaimFront front;
  EXPECT_TRUE(front.IsTop(500, 100));
  front.Insert(500, 100);
  EXPECT_FALSE(front.IsTop(500, 100)) << "it would not enter a second time";
  EXPECT_FALSE(front.IsTop(400, 200));
  EXPECT_TRUE(front.IsTop(400, 50));
  front.Insert(400, 50);
  front.Insert(600, 80);  // hides the first
  EXPECT_FALSE(front.IsTop(600, 100));
  EXPECT_TRUE(front.IsTop(601, 100));
}

TEST(ClaimFrontTest, WhatIsRejectedShowsWhatItHid) {
  ClaimFront front;
  front.Insert(500, 100);
  front.Insert(500, 100);
  front.Insert(600, 80);
  front.Erase(600, 80);
  EXPECT_TRUE(front.IsTop(501, 100));
  EXPECT_FALSE(front.IsTop(500, 100));
  front.Erase(500, 100);
  EXPECT_FALSE(front.IsTop(500, 100)) << "the other one is as good";
  front.Erase(500, 100);
  EXPECT_TRUE(front.IsTop(500, 100));
}

// Over many blocks, filled and emptied again.
TEST(ClaimFrontTest, AnswersAsALookAtAllPointsDoes) {
  CounterRng rng(7, 0);
  ClaimFront front;
  std::vector<std::pair<int64_t, int64_t>> points;  // correct, macs
  for (int i = 0; i < 12'000; ++i) {
    const bool grows = i < 6'000;
    if (points.empty() || rng.Below(4) < (grows ? 3 : 1)) {
      const std::pair point(rng.Below(1'000), rng.Below(3'000));
      points.push_back(point);
      front.Insert(point.first, point.second);
    } else {
      const auto gone =
          points.begin() + rng.Below(static_cast<uint32_t>(points.size()));
      front.Erase(gone->first, gone->second);
      *gone = points.back();
      points.pop_back();
    }
    if (i % 10 != 0) continue;
    const int64_t correct = rng.Below(1'001);
    const int64_t macs = rng.Below(3'001);
    bool is_top = true;
    for (const auto& [other, its_macs] : points) {
      if (its_macs <= macs && other >= correct) is_top = false;
    }
    ASSERT_EQ(front.IsTop(correct, macs), is_top) << "at change " << i;
  }
}

}  // namespace
}  // namespace archpool
