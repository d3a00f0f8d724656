// SPDX-License-Identifier: Apache-2.0
#include "common/log/log_label.h"

#include <thread>

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(LogLabelTest, IsTheThreadsForAsLongAsItLives) {
  EXPECT_EQ(LogLabel::Current(), "");
  {
    const LogLabel outer("lane 1: ");
    EXPECT_EQ(LogLabel::Current(), "lane 1: ");
    {
      const LogLabel inner("lane 2: ");
      EXPECT_EQ(LogLabel::Current(), "lane 2: ");
    }
    EXPECT_EQ(LogLabel::Current(), "lane 1: ");
  }
  EXPECT_EQ(LogLabel::Current(), "");
}

TEST(LogLabelTest, IsHandedOnByHand) {
  const LogLabel mine("lane 1: ");
  std::string seen = "unset";
  std::string handed_on;
  std::thread([&, label = LogLabel::Current()] {
    seen = LogLabel::Current();
    const LogLabel own(label);
    handed_on = LogLabel::Current();
  }).join();
  EXPECT_EQ(seen, "");
  EXPECT_EQ(handed_on, "lane 1: ");
}

}  // namespace
}  // namespace archpool
