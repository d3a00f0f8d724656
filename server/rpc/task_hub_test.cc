// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/task_hub.h"

#include <vector>

#include "gtest/gtest.h"

namespace archpool::rpc {
namespace {

// One account's watches keep nobody else from watching.
TEST(TaskHubTest, AnAccountHasAPartOfTheWatches) {
  TaskHub hub(1'000);
  const AccountId greedy{1};
  std::vector<int64_t> watches;
  for (int64_t i = 0; i < kWatchesPerAccountMax; ++i) {
    watches.push_back(hub.Subscribe(TaskId{1 + i}, greedy, [] {}));
    EXPECT_NE(watches.back(), 0);
  }
  EXPECT_EQ(hub.Subscribe(TaskId{1}, greedy, [] {}), 0);
  EXPECT_EQ(hub.CountOf(greedy), kWatchesPerAccountMax);
  EXPECT_NE(hub.Subscribe(TaskId{1}, AccountId{2}, [] {}), 0);
  EXPECT_EQ(hub.CountOf(AccountId{2}), 1);
  hub.Unsubscribe(TaskId{1}, watches[0]);
  EXPECT_EQ(hub.CountOf(greedy), kWatchesPerAccountMax - 1);
  EXPECT_NE(hub.Subscribe(TaskId{1}, greedy, [] {}), 0);
}

TEST(TaskHubTest, TellsAnAccountsWatchesAlone) {
  TaskHub hub(1'000);
  int alices = 0;
  int bobs = 0;
  for (const int64_t task : {1, 2}) {
    EXPECT_NE(hub.Subscribe(TaskId{task}, AccountId{1}, [&] { ++alices; }), 0);
  }
  EXPECT_NE(hub.Subscribe(TaskId{1}, AccountId{2}, [&] { ++bobs; }), 0);
  hub.TouchOf(AccountId{1});
  EXPECT_EQ(alices, 2);
  EXPECT_EQ(bobs, 0);
  hub.TouchOf(AccountId{3});
  EXPECT_EQ(alices, 2);
}

}  // namespace
}  // namespace archpool::rpc
