// SPDX-License-Identifier: Apache-2.0
#include "common/model/account.h"

#include <string>

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(AccountTest, NamesAreShortAndPlain) {
  for (const char* good : {"a", "alice-2", "0"}) EXPECT_TRUE(IsName(good));
  EXPECT_TRUE(IsName(std::string(64, 'a')));
  for (const char* bad : {"", "Alice", "a b", "a_b", "ä", "a\n"}) {
    EXPECT_FALSE(IsName(bad)) << bad;
  }
  EXPECT_FALSE(IsName(std::string(65, 'a')));
}

}  // namespace
}  // namespace archpool
