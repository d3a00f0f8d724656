// SPDX-License-Identifier: Apache-2.0
// Who opens downloads and reads none of them takes little memory, and no room
// from others.
#include "server/rpc/download_budget.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool::rpc {
namespace {

TEST(DownloadBudgetTest, UnreadChunksStayWithinTheBudget) {
  const DownloadLimits limits;
  DownloadBudget budget(limits);
  int64_t held = 0;
  for (int64_t i = 0; i < 1'024; ++i) held += budget.TakeChunk();
  EXPECT_LE(held, limits.unread_bytes + 1'024 * limits.chunk_bytes_min);
  EXPECT_EQ(budget.TakeChunk(), limits.chunk_bytes_min) << "nobody waits";
}

TEST(DownloadBudgetTest, WhoReadsHasLargeChunks) {
  const DownloadLimits limits;
  DownloadBudget budget(limits);
  for (int i = 0; i < 1'000; ++i) {
    const int64_t chunk = budget.TakeChunk();
    EXPECT_EQ(chunk, limits.chunk_bytes_max);
    budget.GiveBack(chunk);
  }
}

TEST(DownloadBudgetTest, NobodyTakesAllAndEverybodyHasSome) {
  DownloadBudget budget({.open_max = 100, .account_max = 40, .account_min = 2});
  const auto open_all = [&budget](int64_t account) {
    int count = 0;
    while (budget.Open(AccountId{account}).ok()) ++count;
    return count;
  };
  EXPECT_EQ(open_all(1), 33);  // about half of what is left then
  int sum = 33;
  for (int64_t account = 2; account <= 64; ++account) {
    const int count = open_all(account);
    EXPECT_GE(count, 2);
    sum += count;
  }
  EXPECT_LE(sum, 100 + 64 * 2);
  EXPECT_THAT(budget.Open(AccountId{1}), FailsWith("DOWNLOADS_BUSY"));
  EXPECT_THAT(budget.Open(AccountId{99}), IsOk());
  // Closed, their room is there again.
  for (int i = 0; i < 33; ++i) budget.Close(AccountId{1});
  EXPECT_THAT(budget.Open(AccountId{1}), IsOk());
}

}  // namespace
}  // namespace archpool::rpc
