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

}  // namespace
}  // namespace archpool::rpc
