// SPDX-License-Identifier: Apache-2.0
#include "common/nas/pareto.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "common/base/counter_rng.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

bool Beats(const ParetoPoint& a, const ParetoPoint& b) {
  return a.accuracy_ppm >= b.accuracy_ppm && a.macs <= b.macs && !(a == b);
}

// The definition, point against point.
std::vector<size_t> NaiveFront(const std::vector<ParetoPoint>& points) {
  std::vector<size_t> front;
  for (size_t i = 0; i < points.size(); ++i) {
    bool stays = true;
    for (size_t j = 0; j < points.size(); ++j) {
      if (Beats(points[j], points[i])) stays = false;
      if (j < i && points[j] == points[i]) stays = false;
    }
    if (stays) front.push_back(i);
  }
  std::sort(front.begin(), front.end(), [&](size_t a, size_t b) {
    return points[a].macs < points[b].macs;
  });
  return front;
}

// The unit cells [a, a+1) × [m, m+1) that one point of the front covers alone.
std::vector<int64_t> NaiveVolumes(const std::vector<ParetoPoint>& points,
                                  const std::vector<size_t>& front,
                                  const ParetoPoint& reference, int64_t side) {
  std::vector<int64_t> volumes(front.size());
  for (int64_t a = reference.accuracy_ppm; a < side; ++a) {
    for (int64_t m = 0; m < reference.macs; ++m) {
      std::vector<size_t> covering;
      for (size_t i = 0; i < front.size(); ++i) {
        const ParetoPoint& point = points[front[i]];
        if (point.accuracy_ppm > a && point.macs <= m) covering.push_back(i);
      }
      if (covering.size() == 1) ++volumes[covering[0]];
    }
  }
  return volumes;
}

void ExpectAgrees(const std::vector<ParetoPoint>& points, int64_t side) {
  const std::vector<size_t> front = ParetoFront(points);
  ASSERT_EQ(front, NaiveFront(points));
  for (int64_t accuracy = 0; accuracy <= side; ++accuracy) {
    for (int64_t macs = 0; macs <= side; ++macs) {
      const ParetoPoint reference{accuracy, macs};
      ASSERT_EQ(ExclusiveHypervolumes(points, front, reference),
                NaiveVolumes(points, front, reference, side));
    }
  }
}

// Every list of up to three points on a 3 × 3 grid, with every reference.
TEST(ParetoTest, AgreesWithTheDefinitionOnAllSmallLists) {
  constexpr int64_t kSide = 3;
  const auto point_at = [](int64_t code) {
    return ParetoPoint{code / kSide, code % kSide};
  };
  for (int64_t a = 0; a < 9; ++a) {
    ExpectAgrees({point_at(a)}, kSide);
    for (int64_t b = 0; b < 9; ++b) {
      ExpectAgrees({point_at(a), point_at(b)}, kSide);
      for (int64_t c = 0; c < 9; ++c) {
        ExpectAgrees({point_at(a), point_at(b), point_at(c)}, kSide);
      }
    }
  }
}

TEST(ParetoTest, AgreesWithTheDefinitionOnRandomLists) {
  CounterRng rng(11, 1);
  for (int round = 0; round < 300; ++round) {
    constexpr int64_t kSide = 8;
    std::vector<ParetoPoint> points(rng.Below(20));
    for (ParetoPoint& point : points) {
      point = {static_cast<int64_t>(rng.Below(kSide)),
               static_cast<int64_t>(rng.Below(kSide))};
    }
    ExpectAgrees(points, kSide);
  }
}

TEST(ParetoTest, FrontIsSortedByMacsAndDuplicatesGoToTheLowerIndex) {
  const std::vector<ParetoPoint> points = {
      {900'000, 500}, {800'000, 100}, {900'000, 500}, {850'000, 600},
      {800'000, 100}, {950'000, 900}, {800'000, 200}};
  EXPECT_THAT(ParetoFront(points), ElementsAre(1, 0, 5));
  EXPECT_THAT(ParetoFront({}), IsEmpty());
}

TEST(ParetoTest, AreasSaturate) {
  const std::vector<ParetoPoint> points = {{INT64_MAX, 0}};
  EXPECT_THAT(ExclusiveHypervolumes(points, ParetoFront(points),
                                    {INT64_MIN, INT64_MAX}),
              ElementsAre(INT64_MAX));
}

// The largest values that a task can have stay exact, and so does their sum.
TEST(ParetoTest, RealAreasFitIn64Bits) {
  const std::vector<ParetoPoint> points = {{500'000, 0},
                                           {1'000'000, 50'000'000'000}};
  EXPECT_THAT(
      ExclusiveHypervolumes(points, ParetoFront(points), {0, 100'000'000'000}),
      ElementsAre(25'000'000'000'000'000, 25'000'000'000'000'000));
}

}  // namespace
}  // namespace archpool
