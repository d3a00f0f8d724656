// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/arithmetics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

TEST(ArithmeticsTest, ThePoolsOwnIsTaken) {
  EXPECT_THAT(CheckArithmetic(kArithmetic), IsOk());
}

TEST(ArithmeticsTest, ThatOfTheSameNameDiffers) {
  const std::string arithmetic(kArithmetic);
  const std::string name = arithmetic.substr(0, arithmetic.rfind('/'));
  EXPECT_THAT(CheckArithmetic(name + "/ffffffff"),
              FailsWith("ARITHMETIC_DIFFERS"));
}

TEST(ArithmeticsTest, AnyOtherWasReplaced) {
  for (const char* other :
       {"", "test", "fp32-fma/0/00000000", "libtorch-1.13.1/avx512/1"}) {
    EXPECT_THAT(CheckArithmetic(other), FailsWith("ARITHMETIC_REPLACED"))
        << other;
  }
}

}  // namespace
}  // namespace archpool
