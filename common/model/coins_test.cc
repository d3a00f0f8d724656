// SPDX-License-Identifier: Apache-2.0
#include "common/model/coins.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(CoinsTest, AmountsAreExactAndHaveNoTrailingZeros) {
  EXPECT_EQ(FormatCoins(0), "0");
  EXPECT_EQ(FormatCoins(1), "0.000001");
  EXPECT_EQ(FormatCoins(12'500'000), "12.5");
  EXPECT_EQ(FormatCoins(20 * kAmountPerCoin), "20");
  EXPECT_EQ(FormatCoins(-1), "-0.000001");
  EXPECT_EQ(FormatCoins(kAmountMax), "1000000000");
  EXPECT_EQ(FormatCoins(INT64_MIN), "-9223372036854.775808");
}

}  // namespace
}  // namespace archpool
