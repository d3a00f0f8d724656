// SPDX-License-Identifier: Apache-2.0
// Which programs are started, started again, stopped and killed, and when.
#include "client/search/keeper.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Act = Keeper::Act;
using Order = Keeper::Order;

constexpr Ending kKilled{.signal = 9};
constexpr Ending kFailed{.exit_code = 1};
constexpr Ending kWell{.exit_code = 0};

absl::Duration At(double seconds) { return absl::Seconds(seconds); }

class KeeperTest : public ::testing::Test {
 protected:
  // All three run, since the beginning.
  void StartAll() {
    for (const Part part : kParts) {
      keeper_.Want(part);
      keeper_.OnStarted(part, At(0));
    }
    keeper_.OnReady();
    EXPECT_THAT(keeper_.Decide(At(0)), IsEmpty());
  }

  Keeper keeper_;
};

TEST_F(KeeperTest, StartsWhatIsWanted) {
  EXPECT_THAT(keeper_.Decide(At(0)), IsEmpty());
  keeper_.Want(Part::kServer);
  keeper_.Want(Part::kServer);
  EXPECT_THAT(keeper_.Decide(At(1)),
              ElementsAre(Order{Part::kServer, Act::kStart}));
  keeper_.OnStarted(Part::kServer, At(1));
  EXPECT_THAT(keeper_.Decide(At(2)), IsEmpty());
}

TEST_F(KeeperTest, StartsAgainWhatDied) {
  StartAll();
  keeper_.OnEnded(Part::kWorker, kKilled, At(10));
  EXPECT_THAT(keeper_.TakeNotes(),
              ElementsAre(HasSubstr("archpool-worker ended (signal 9)")));
  EXPECT_THAT(keeper_.TakeNotes(), IsEmpty());
  EXPECT_THAT(keeper_.Decide(At(10.9)), IsEmpty());
  EXPECT_THAT(keeper_.Decide(At(11)),
              ElementsAre(Order{Part::kWorker, Act::kStart}));
  EXPECT_FALSE(keeper_.failure());
}

// A worker that ends by itself without being asked to, however well, is missed.
TEST_F(KeeperTest, StartsAgainWhatLeft) {
  StartAll();
  keeper_.OnEnded(Part::kVerifier, kWell, At(10));
  EXPECT_THAT(keeper_.Decide(At(11)),
              ElementsAre(Order{Part::kVerifier, Act::kStart}));
}

TEST_F(KeeperTest, PausesLongerEachTimeAndGivesUpInTheEnd) {
  StartAll();
  absl::Duration now = At(10);
  for (const int pause_s : {1, 2, 4, 8, 16}) {
    keeper_.OnEnded(Part::kWorker, kFailed, now);
    ASSERT_FALSE(keeper_.failure());
    EXPECT_THAT(keeper_.Decide(now + At(pause_s - 0.1)), IsEmpty());
    now += At(pause_s);
    EXPECT_THAT(keeper_.Decide(now),
                ElementsAre(Order{Part::kWorker, Act::kStart}));
    keeper_.OnStarted(Part::kWorker, now);
  }
  keeper_.OnEnded(Part::kWorker, kFailed, now);
  ASSERT_TRUE(keeper_.failure());
  EXPECT_EQ(keeper_.failure()->part, Part::kWorker);
  EXPECT_THAT(keeper_.failure()->text, HasSubstr("6 times in a row"));
  EXPECT_THAT(keeper_.failure()->text, HasSubstr("exit code 1"));
  // The others are stopped for it.
  EXPECT_THAT(keeper_.Decide(now),
              ElementsAre(Order{Part::kVerifier, Act::kTerminate}));
}

TEST_F(KeeperTest, ForgetsWhatIsLongAgo) {
  StartAll();
  absl::Duration now = At(0);
  for (int day = 0; day < 20; ++day) {
    now += absl::Hours(24);
    keeper_.OnEnded(Part::kWorker, kKilled, now);
    ASSERT_FALSE(keeper_.failure());
    now += At(1);
    ASSERT_THAT(keeper_.Decide(now),
                ElementsAre(Order{Part::kWorker, Act::kStart}));
    keeper_.OnStarted(Part::kWorker, now);
  }
}

// A flag that it does not know, or a folder that is not its own: the next start
// would hear the same.
TEST_F(KeeperTest, DoesNotRepeatWhatWasRefused) {
  for (const int code : {2, 3}) {
    Keeper keeper;
    keeper.Want(Part::kServer);
    keeper.OnStarted(Part::kServer, At(0));
    keeper.OnReady();
    keeper.OnEnded(Part::kServer, {.exit_code = code}, At(1));
    ASSERT_TRUE(keeper.failure());
    EXPECT_TRUE(keeper.IsOver());
  }
}

TEST_F(KeeperTest, AServerThatNeverAnsweredIsNotTriedAgain) {
  keeper_.Want(Part::kServer);
  keeper_.OnStarted(Part::kServer, At(0));
  keeper_.OnEnded(Part::kServer, kFailed, At(1));
  ASSERT_TRUE(keeper_.failure());
  EXPECT_THAT(keeper_.failure()->text,
              HasSubstr("archpool-server ended before it answered"));
  EXPECT_THAT(keeper_.Decide(At(100)), IsEmpty());
}

TEST_F(KeeperTest, WhatCannotBeStartedIsNotTriedAgain) {
  keeper_.Want(Part::kServer);
  keeper_.OnEnded(Part::kServer, {.exit_code = 127}, At(1));
  ASSERT_TRUE(keeper_.failure());
  EXPECT_THAT(keeper_.failure()->text, HasSubstr("could not be started"));
  EXPECT_TRUE(keeper_.IsOver());
}

// The worker gives its lease back to a server that is there, and the server
// stops its database when nobody needs it any more.
TEST_F(KeeperTest, StopsOneAfterTheOther) {
  StartAll();
  keeper_.StopAll();
  EXPECT_THAT(keeper_.Decide(At(10)),
              ElementsAre(Order{Part::kWorker, Act::kTerminate}));
  EXPECT_THAT(keeper_.Decide(At(11)), IsEmpty());
  keeper_.OnEnded(Part::kWorker, kWell, At(12));
  EXPECT_THAT(keeper_.Decide(At(12)),
              ElementsAre(Order{Part::kVerifier, Act::kTerminate}));
  keeper_.OnEnded(Part::kVerifier, kWell, At(13));
  EXPECT_THAT(keeper_.Decide(At(13)),
              ElementsAre(Order{Part::kServer, Act::kTerminate}));
  EXPECT_FALSE(keeper_.IsOver());
  keeper_.OnEnded(Part::kServer, kWell, At(14));
  EXPECT_THAT(keeper_.Decide(At(14)), IsEmpty());
  EXPECT_TRUE(keeper_.IsOver());
  EXPECT_FALSE(keeper_.failure());
  EXPECT_THAT(keeper_.TakeNotes(), IsEmpty());
}

TEST_F(KeeperTest, KillsOnceWhatDoesNotEnd) {
  StartAll();
  keeper_.StopAll();
  EXPECT_THAT(keeper_.Decide(At(10)),
              ElementsAre(Order{Part::kWorker, Act::kTerminate}));
  EXPECT_THAT(keeper_.Decide(At(29)), IsEmpty());
  EXPECT_THAT(keeper_.Decide(At(31)),
              ElementsAre(Order{Part::kWorker, Act::kKill}));
  EXPECT_THAT(keeper_.Decide(At(60)), IsEmpty());
  EXPECT_THAT(keeper_.TakeNotes(), ElementsAre(HasSubstr("is killed")));
  keeper_.OnEnded(Part::kWorker, kKilled, At(61));
  EXPECT_THAT(keeper_.Decide(At(61)),
              ElementsAre(Order{Part::kVerifier, Act::kTerminate}));
}

TEST_F(KeeperTest, StartsNothingWhileAllStop) {
  keeper_.Want(Part::kServer);
  keeper_.OnStarted(Part::kServer, At(0));
  keeper_.OnReady();
  keeper_.Want(Part::kWorker);
  keeper_.StopAll();
  EXPECT_THAT(keeper_.Decide(At(1)),
              ElementsAre(Order{Part::kServer, Act::kTerminate}));
  keeper_.Want(Part::kVerifier);
  EXPECT_THAT(keeper_.Decide(At(2)), IsEmpty());
}

// It died as it was about to be asked: that is no failure of the search.
TEST_F(KeeperTest, ADeathDuringTheStopIsNotedAlone) {
  StartAll();
  keeper_.StopAll();
  keeper_.OnEnded(Part::kServer, kKilled, At(1));
  EXPECT_FALSE(keeper_.failure());
  EXPECT_THAT(keeper_.TakeNotes(), ElementsAre(HasSubstr("as all stop")));
}

TEST_F(KeeperTest, NothingStartedIsOverAtOnce) {
  EXPECT_FALSE(keeper_.IsOver());
  keeper_.StopAll();
  EXPECT_TRUE(keeper_.IsOver());
}

}  // namespace
}  // namespace archpool::search
