// SPDX-License-Identifier: Apache-2.0
// Who connects again and again pays for it alone, and who shows a token pays
// nothing.
#include "server/rpc/handshake_turns.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool::rpc {
namespace {

using testing::Optional;

constexpr HandshakeRates kRates{
    .per_source = {.burst = 4, .interval = absl::Milliseconds(100)},
    .of_all = {.burst = 10, .interval = absl::Milliseconds(20)}};

class HandshakeTurnsTest : public testing::Test {
 protected:
  ConnectionId Add(const std::string& source) {
    turns_.Add(++last_, source);
    return last_;
  }
  // How many have their turn now.
  int TakeAll() {
    int count = 0;
    while (turns_.Take(now_)) ++count;
    return count;
  }
  void Pass(absl::Duration time) { now_ += time; }

  HandshakeTurns turns_{kRates};
  ConnectionId last_ = 0;
  absl::Time now_ = absl::FromUnixSeconds(1'000);
};

TEST_F(HandshakeTurnsTest, AnAddressHasItsBurstAndThenItsRate) {
  for (int i = 0; i < 20; ++i) Add("crowd");
  EXPECT_EQ(TakeAll(), 4);
  EXPECT_EQ(turns_.NextTurn(), now_ + absl::Milliseconds(100));
  Pass(absl::Milliseconds(99));
  EXPECT_EQ(TakeAll(), 0);
  Pass(absl::Milliseconds(1));
  EXPECT_EQ(TakeAll(), 1);
  Pass(absl::Milliseconds(300));
  EXPECT_EQ(TakeAll(), 3);
  Pass(absl::Hours(1));
  EXPECT_EQ(TakeAll(), 4) << "no more than a burst is saved up";
  EXPECT_EQ(turns_.waiting_count(), 8);
}

TEST_F(HandshakeTurnsTest, TheYoungestOfAnAddressGoesFirst) {
  for (int i = 0; i < 10; ++i) Add("crowd");
  TakeAll();
  const ConnectionId honest = Add("crowd");
  Pass(absl::Milliseconds(100));
  EXPECT_THAT(turns_.Take(now_), Optional(honest));
}

TEST_F(HandshakeTurnsTest, AnotherAddressGoesBeforeACrowd) {
  for (int i = 0; i < 10; ++i) Add("crowd");
  EXPECT_EQ(TakeAll(), 4);
  Pass(absl::Milliseconds(100));
  const ConnectionId honest = Add("elsewhere");
  Add("crowd");
  EXPECT_THAT(turns_.Take(now_), Optional(honest));
}

TEST_F(HandshakeTurnsTest, WhoShowsATokenPaysNothing) {
  for (int i = 0; i < 1'000; ++i) Add("farm");
  int count = 0;
  while (turns_.Take(now_)) {
    ++count;
    turns_.GiveBack("farm", now_);
  }
  EXPECT_EQ(count, 1'000) << "without any time passing";
}

TEST_F(HandshakeTurnsTest, NothingIsGivenBackBeyondABurst) {
  Add("farm");
  TakeAll();
  for (int i = 0; i < 100; ++i) turns_.GiveBack("farm", now_);
  for (int i = 0; i < 20; ++i) Add("farm");
  EXPECT_EQ(TakeAll(), 4);
}

TEST_F(HandshakeTurnsTest, ManyAddressesTogetherAreBoundedToo) {
  for (int i = 0; i < 100; ++i) Add(absl::StrCat("host", i));
  EXPECT_EQ(TakeAll(), 10);
  Pass(absl::Milliseconds(20));
  EXPECT_EQ(TakeAll(), 1);
  EXPECT_EQ(turns_.NextTurn(), now_ + absl::Milliseconds(20));
}

// Those that have used little go first, so an honest one does not queue behind
// all that a hundred addresses have opened.
TEST_F(HandshakeTurnsTest, WhoUsedNothingGoesBeforeAllWhoDid) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 5; ++i) Add(absl::StrCat("host", i));
  }
  EXPECT_EQ(TakeAll(), 10);
  for (int i = 0; i < 5; ++i) Add(absl::StrCat("host", i));
  const ConnectionId honest = Add("elsewhere");
  for (int i = 0; i < 5; ++i) Add(absl::StrCat("host", i));
  Pass(absl::Milliseconds(20));
  EXPECT_THAT(turns_.Take(now_), Optional(honest));
}

// A /48 of IPv6 is 65,536 addresses here: each connection comes from a new one.
TEST_F(HandshakeTurnsTest, NewAddressesWithoutEndKeepNobodyOut) {
  for (int i = 0; i < 200; ++i) Add(absl::StrCat("a", i));
  TakeAll();
  const ConnectionId honest = Add("z");
  Pass(absl::Milliseconds(20));
  EXPECT_THAT(turns_.Take(now_), Optional(honest)) << "whatever its name is";
}

// Whose use came back while it waited is as good as new.
TEST_F(HandshakeTurnsTest, WhatCameBackDoesNotCountAgainstAnAddress) {
  Add("farm");
  TakeAll();
  for (int i = 0; i < 20; ++i) {
    Add(absl::StrCat("before", i));
    turns_.Take(now_);
  }
  const ConnectionId honest = Add("farm");
  Pass(absl::Milliseconds(220));
  EXPECT_THAT(turns_.Take(now_), Optional(honest));
  // It used one by now, so a new address goes before it.
  Add("farm");
  const ConnectionId other = Add("after");
  Add("farm");
  EXPECT_THAT(turns_.Take(now_), Optional(other));
}

TEST_F(HandshakeTurnsTest, OfAddressesThatUsedNothingAnyConnectionMayEnd) {
  const ConnectionId first = Add("a");
  const ConnectionId second = Add("b");
  const ConnectionId third = Add("a");
  EXPECT_TRUE(turns_.Remove(third));
  EXPECT_THAT(turns_.Take(now_), Optional(second));
  EXPECT_THAT(turns_.Take(now_), Optional(first));
  EXPECT_EQ(turns_.Take(now_), std::nullopt);
  EXPECT_EQ(turns_.waiting_count(), 0);
}

TEST_F(HandshakeTurnsTest, WhatEndsBeforeItsTurnCostsNothing) {
  const ConnectionId gone = Add("a");
  EXPECT_TRUE(turns_.Remove(gone));
  EXPECT_FALSE(turns_.Remove(gone));
  EXPECT_EQ(turns_.Take(now_), std::nullopt);
  EXPECT_EQ(turns_.NextTurn(), absl::InfiniteFuture());
  for (int i = 0; i < 10; ++i) Add("a");
  EXPECT_EQ(TakeAll(), 4);
}

TEST_F(HandshakeTurnsTest, AddressesAreForgottenOnceTheyOweNothing) {
  for (int i = 0; i < 8; ++i) Add(absl::StrCat("host", i));
  EXPECT_EQ(TakeAll(), 8);
  EXPECT_EQ(turns_.source_count(), 8);
  Pass(absl::Seconds(1));
  EXPECT_EQ(turns_.Take(now_), std::nullopt);
  EXPECT_EQ(turns_.source_count(), 0);
}

}  // namespace
}  // namespace archpool::rpc
