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

TEST(CoinsTest, WhatIsFormattedIsReadBack) {
  for (const Amount amount :
       {Amount{0}, Amount{1}, Amount{12'500'000}, 20 * kAmountPerCoin,
        kAmountMax - 1, kAmountMax}) {
    EXPECT_EQ(ParseCoins(FormatCoins(amount)), amount);
  }
  EXPECT_EQ(ParseCoins("1.500000"), 1'500'000);
  for (const char* text :
       {"", ".", "1.", ".5", "-1", "+1", "1e3", " 1", "1 ", "0.0000001",
        "1000000000.000001", "1.2.3", "1,5", "99999999999999999999999"}) {
    EXPECT_EQ(ParseCoins(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace archpool
