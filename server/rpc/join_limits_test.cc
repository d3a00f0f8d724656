// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/join_limits.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool::rpc {
namespace {

TEST(JoinSourceTest, CountsWhatOneLineHasTogether) {
  EXPECT_EQ(JoinSource("ipv4:192.0.2.7:4711"), "ipv4:192.0.2.7");
  EXPECT_EQ(JoinSource("ipv4:192.0.2.7:4712"), "ipv4:192.0.2.7");
  EXPECT_NE(JoinSource("ipv4:192.0.2.8:4711"), "ipv4:192.0.2.7");
  const std::string line = JoinSource("ipv6:[2001:db8:1:2::7]:4711");
  EXPECT_EQ(line, "ipv6:20010db800010002");
  EXPECT_EQ(JoinSource("ipv6:%5B2001:db8:1:2:ffff::9%5D:80"), line);
  EXPECT_NE(JoinSource("ipv6:[2001:db8:1:3::7]:4711"), line);
  EXPECT_EQ(JoinSource("ipv6:[::ffff:192.0.2.200]:80"), "ipv4:192.0.2.200");
  EXPECT_EQ(JoinSource("ipv6:[fe80::1%25eth0]:80"), "ipv6:fe80::1%25eth0");
  EXPECT_EQ(JoinSource("unix:/run/socket"), "unix:/run/socket");
  EXPECT_EQ(JoinSource(""), "");
}

class JoinLimitsTest : public ::testing::Test {
 protected:
  bool Take(const std::string& source) {
    return limits_.Take(source, now_).ok();
  }

  absl::Time now_ = absl::UnixEpoch();
  JoinLimits limits_{JoinLimits::Rates{.per_source = {2, absl::Seconds(10)},
                                       .of_all = {5, absl::Seconds(1)}}};
};

TEST_F(JoinLimitsTest, EachSourceHasItsOwn) {
  EXPECT_TRUE(Take("a"));
  EXPECT_TRUE(Take("a"));
  const absl::Status refused = limits_.Take("a", now_);
  EXPECT_THAT(refused, FailsWith("JOINS_TOO_OFTEN"));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Take("b"));
  now_ += absl::Seconds(9);
  EXPECT_FALSE(Take("a"));
  now_ += absl::Seconds(1);
  EXPECT_TRUE(Take("a"));
  EXPECT_FALSE(Take("a"));
  now_ += absl::Hours(1);
  EXPECT_TRUE(Take("a"));
  EXPECT_TRUE(Take("a"));
  EXPECT_FALSE(Take("a")) << "no more than the burst is kept";
}

// One that tries without end leaves the others what is theirs.
TEST_F(JoinLimitsTest, WhatIsRefusedTakesNothingFromOthers) {
  for (int i = 0; i < 1'000; ++i) Take("a");
  EXPECT_TRUE(Take("b"));
  EXPECT_TRUE(Take("c"));
  EXPECT_TRUE(Take("d"));
  EXPECT_FALSE(Take("e")) << "all of them together had five";
  now_ += absl::Seconds(1);
  EXPECT_TRUE(Take("e"));
  EXPECT_FALSE(Take("f"));
}

}  // namespace
}  // namespace archpool::rpc
