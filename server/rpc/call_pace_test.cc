// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call_pace.h"

#include "gtest/gtest.h"

namespace archpool::rpc {
namespace {

constexpr AccountId kAlice{1};
constexpr AccountId kBob{2};
const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

// How many calls an account gets answered within `seconds`, one after the
// other.
double AnsweredWithin(double seconds, bool came_to_nothing, int64_t sessions,
                      CallPace& pace, absl::Time begin = kStart) {
  double answered = 0;
  absl::Time now = begin;
  while (now < begin + absl::Seconds(seconds)) {
    now += pace.Charge(kAlice, came_to_nothing, sessions, now);
    now += absl::Milliseconds(1);
    ++answered;
  }
  return answered;
}

TEST(CallPaceTest, WhoStaysBelowTheRateNeverWaits) {
  CallPace pace({});
  for (int i = 0; i < 20 * 600; ++i) {
    EXPECT_EQ(pace.Charge(kAlice, false, 0, kStart + i * absl::Seconds(0.05)),
              absl::ZeroDuration());
  }
}

TEST(CallPaceTest, AWorkerIsNotHeldUp) {
  // Twenty trainings a second, of three calls each, of which one in a hundred
  // comes to nothing.
  CallPace pace({});
  for (int i = 0; i < 60 * 600; ++i) {
    EXPECT_EQ(pace.Charge(kAlice, i % 100 == 0, 1,
                          kStart + i * absl::Seconds(1.0 / 60)),
              absl::ZeroDuration());
  }
}

TEST(CallPaceTest, ALoopGetsItsBurstAndThenTheRate) {
  CallPace pace({});
  // 300 at once, and twenty a second.
  EXPECT_NEAR(AnsweredWithin(100, false, 0, pace), 300 + 100 * 20, 50);
}

TEST(CallPaceTest, WhatComesToNothingCountsTenfold) {
  CallPace pace({});
  EXPECT_NEAR(AnsweredWithin(100, true, 0, pace), 30 + 100 * 2, 10);
}

TEST(CallPaceTest, SessionsRaiseTheRateToItsMaximum) {
  CallPace pace({});
  EXPECT_NEAR(AnsweredWithin(100, true, 1024, pace), 1500 + 100 * 100, 200);
}

TEST(CallPaceTest, ADelayIsBoundedHoweverMuchWasAsked) {
  CallPace pace({});
  absl::Duration longest;
  for (int i = 0; i < 100'000; ++i) {
    longest = std::max(longest, pace.Charge(kAlice, true, 0, kStart));
  }
  EXPECT_EQ(longest, absl::Seconds(2));
  // And so is how long it is held against the account.
  EXPECT_EQ(pace.Charge(kAlice, false, 0, kStart + absl::Seconds(31)),
            absl::ZeroDuration());
}

TEST(CallPaceTest, OneAccountsLoopDelaysNoOther) {
  CallPace pace({});
  for (int i = 0; i < 10'000; ++i) pace.Charge(kAlice, true, 0, kStart);
  EXPECT_EQ(pace.Charge(kBob, true, 0, kStart), absl::ZeroDuration());
}

TEST(CallPaceTest, RemembersThoseThatOweAlone) {
  CallPace pace({});
  for (int64_t id = 1; id <= 100; ++id) {
    pace.Charge(AccountId{id}, false, 0, kStart);
  }
  EXPECT_EQ(pace.size(), 100u);
  pace.Charge(kAlice, false, 0, kStart + absl::Minutes(2));
  EXPECT_EQ(pace.size(), 1u);
}

}  // namespace
}  // namespace archpool::rpc
