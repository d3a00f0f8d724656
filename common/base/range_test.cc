// SPDX-License-Identifier: Apache-2.0
#include "common/base/range.h"

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(RangeTest, BothEndsBelongToIt) {
  constexpr Range<int64_t> kRange{1, 11};
  for (const int64_t value : {1, 2, 11}) EXPECT_TRUE(kRange.Contains(value));
  for (const int64_t value : {INT64_MIN, int64_t{0}, int64_t{12}, INT64_MAX}) {
    EXPECT_FALSE(kRange.Contains(value));
  }
  EXPECT_EQ(ToString(kRange), "[1, 11]");
}

TEST(RangeTest, AnOddRangeHoldsOddNumbersAlone) {
  constexpr Range<int64_t> kRange{.min = 1, .max = 11, .is_odd = true};
  EXPECT_TRUE(kRange.Contains(11));
  EXPECT_FALSE(kRange.Contains(2));
  EXPECT_EQ(CheckRange("KERNEL", "kernel", 2, kRange).message(),
            "field kernel is 2; it must be odd, in [1, 11]");
}

TEST(RangeTest, DurationsAreHeldToTheirRangeAndPrintedAsSuch) {
  constexpr Range<absl::Duration> kRange{absl::Seconds(1), absl::Hours(1)};
  EXPECT_TRUE(CheckRange("WAIT", "wait", absl::Hours(1), kRange).ok());
  for (const absl::Duration value :
       {-absl::InfiniteDuration(), absl::Milliseconds(999),
        absl::InfiniteDuration()}) {
    EXPECT_EQ(GetReason(CheckRange("WAIT", "wait", value, kRange)), "WAIT");
  }
  EXPECT_EQ(CheckRange("WAIT", "wait", absl::Hours(2), kRange).message(),
            "field wait is 2h; it must be in [1s, 1h]");
}

// The first row that fails is the one that a person reads about, with the place
// it stands at.
TEST(RangeTest, ATableNamesItsFirstFailingField) {
  const absl::Status status = CheckRanges(
      "BAD", "spec",
      {{"good", 1, {1, 10}}, {"bad", 11, {1, 10}}, {"worse", 12, {1, 10}}});
  EXPECT_EQ(GetReason(status), "BAD");
  EXPECT_EQ(status.message(), "field spec.bad is 11; it must be in [1, 10]");
  EXPECT_EQ(CheckRanges("BAD", "", {{"bad", 0, {1, 10}}}).message(),
            "field bad is 0; it must be in [1, 10]");
  EXPECT_TRUE(CheckRanges("BAD", "", {{"good", 10, {1, 10}}}).ok());
}

}  // namespace
}  // namespace archpool
