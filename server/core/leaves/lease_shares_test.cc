// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/lease_shares.h"

#include <map>
#include <vector>

#include "gtest/gtest.h"
#include "server/core/rules/work_price.h"

namespace archpool {
namespace {

using Offer = LeaseShares::Offer;

// Gives out `leases` of `units` each, from the first offer in the order.
std::map<TaskId, double> GiveOut(LeaseShares& shares,
                                 const std::vector<Offer>& offers,
                                 int64_t leases, WorkUnits units = 1'000) {
  std::map<TaskId, double> given;
  for (int64_t i = 0; i < leases; ++i) {
    const Offer first = shares.Ordered(offers)[0];
    shares.Charge(first, units);
    ++given[first.task];
  }
  return given;
}

constexpr AccountId kRich{1};
constexpr AccountId kPoor{2};

TEST(LeaseSharesTest, WorkGoesByPriceAndEveryClientHasAMinimum) {
  LeaseShares shares(200'000);
  auto given = GiveOut(
      shares, {{TaskId{1}, kRich, 100 * kAmountPerCoin}, {TaskId{2}, kPoor, 0}},
      1'000);
  // A tenth, half of the fifth that goes in equal parts.
  EXPECT_NEAR(given[TaskId{2}], 100, 2);
  EXPECT_NEAR(given[TaskId{1}], 900, 2);
}

TEST(LeaseSharesTest, TwiceThePriceIsTwiceTheWork) {
  LeaseShares shares(0);
  auto given = GiveOut(
      shares, {{TaskId{1}, kRich, 2'000}, {TaskId{2}, kPoor, 1'000}}, 3'000);
  EXPECT_NEAR(given[TaskId{1}], 2'000, 2);
}

TEST(LeaseSharesTest, ManyTasksGetNoMoreThanOne) {
  LeaseShares shares(200'000);
  std::vector<Offer> offers = {{TaskId{1'000}, kRich, 1'000}};
  for (int64_t i = 0; i < 100; ++i) {
    offers.push_back({TaskId{1 + i}, kPoor, 1'000});
  }
  auto given = GiveOut(shares, offers, 2'000);
  EXPECT_NEAR(given[TaskId{1'000}], 1'000, 2);
  for (int64_t i = 0; i < 100; ++i) EXPECT_NEAR(given[TaskId{1 + i}], 10, 2);
}

// An expensive task that has nothing to give lifts none of its client's cheap
// ones: what is given is charged at its own price.
TEST(LeaseSharesTest, ADearTaskThatGivesNothingLiftsNoOther) {
  LeaseShares shares(0);
  const std::vector<Offer> offers = {{TaskId{1}, kRich, 1'000},
                                     {TaskId{2}, kPoor, 1'000'000'000},
                                     {TaskId{3}, kPoor, 1'000}};
  std::map<TaskId, double> given;
  for (int i = 0; i < 1'000; ++i) {
    for (const Offer& offer : shares.Ordered(offers)) {
      if (offer.task == TaskId{2}) continue;
      shares.Charge(offer, 1'000);
      ++given[offer.task];
      break;
    }
  }
  EXPECT_NEAR(given[TaskId{1}], 500, 2);
}

TEST(LeaseSharesTest, NobodySavesTurnsUp) {
  LeaseShares shares(200'000);
  GiveOut(shares, {{TaskId{1}, kRich, 1'000}}, 10'000);
  auto given = GiveOut(
      shares, {{TaskId{1}, kRich, 1'000}, {TaskId{2}, kPoor, 1'000}}, 1'000);
  EXPECT_NEAR(given[TaskId{1}], 500, 3);
}

TEST(LeaseSharesTest, WorkCountsNotLeases) {
  LeaseShares shares(200'000);
  const std::vector<Offer> offers = {{TaskId{1}, kRich, 1'000},
                                     {TaskId{2}, kPoor, 1'000}};
  std::map<TaskId, double> units;
  for (int i = 0; i < 5'000; ++i) {
    const Offer first = shares.Ordered(offers)[0];
    const int64_t size = first.task == TaskId{1} ? 9'000 : 1'000;
    shares.Charge(first, size);
    units[first.task] += static_cast<double>(size);
  }
  EXPECT_NEAR(units[TaskId{1}] / units[TaskId{2}], 1, 0.01);
}

// The largest works and prices overflow nothing.
TEST(LeaseSharesTest, BearsTheLargest) {
  LeaseShares shares(200'000);
  auto given =
      GiveOut(shares, {{TaskId{1}, kRich, kAmountMax}, {TaskId{2}, kPoor, 1}},
              1'000, 1'000'000'000'000'000'000);
  EXPECT_NEAR(given[TaskId{2}], 100, 3);
}

TEST(WorkPriceTest, IsThePotOverTheUnits) {
  EXPECT_EQ(PricePerCoreHour(1'000'000, kUnitsPerCoreHour), 1'000'000);
  EXPECT_EQ(PricePerCoreHour(1, 1'000'000'000'000'000'000), 0);
  EXPECT_EQ(PricePerCoreHour(kAmountMax, 1), kAmountMax);
  EXPECT_EQ(WorkPotFor(1'000'000, 2 * kUnitsPerCoreHour), 2'000'000);
  EXPECT_EQ(WorkPotFor(1, 1), 1);
  EXPECT_EQ(WorkPotFor(kAmountMax, 1'000'000'000'000'000'000), kAmountMax + 1);
  EXPECT_EQ(DescribePrice(12'500'000), "12.5 coins a core hour");
  EXPECT_EQ(DescribePrice(3 * kAmountPerCoin), "3 coins a core hour");
  EXPECT_EQ(DescribePrice(1), "0.000001 coins a core hour");
}

}  // namespace
}  // namespace archpool
