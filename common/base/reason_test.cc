// SPDX-License-Identifier: Apache-2.0
#include "common/base/reason.h"

#include <gtest/gtest.h>

#include <string>

namespace archpool {
namespace {

TEST(ReasonTest, IsUpperCaseDigitsAndUnderscores) {
  EXPECT_TRUE(IsReason("SEGMENT_FALSE"));
  EXPECT_TRUE(IsReason(std::string(64, 'A')));
  for (const std::string& text :
       {std::string(), std::string(65, 'A'), std::string("Segment"),
        std::string("A B"), std::string("A\0B", 3), std::string("\xC3\x89")}) {
    EXPECT_FALSE(IsReason(text)) << text;
  }
}

}  // namespace
}  // namespace archpool
