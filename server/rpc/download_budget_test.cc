// SPDX-License-Identifier: Apache-2.0
// Who opens downloads and reads none of them takes little memory, and no room
// from others.
#include "server/rpc/download_budget.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool::rpc {
namespace {

constexpr AccountId kAlice{1};
constexpr AccountId kBob{2};

TEST(DownloadBudgetTest, UnreadChunksStayWithinTheBudget) {
  const DownloadLimits limits;
  DownloadBudget budget(limits);
  int64_t held = 0;
  for (int64_t account = 1; account <= 64; ++account) {
    EXPECT_THAT(budget.Open(AccountId{account}), IsOk());
    for (int i = 0; i < 16; ++i) held += budget.TakeChunk(AccountId{account});
  }
  EXPECT_LE(held, limits.unread_bytes + 1'024 * limits.chunk_bytes_min);
  EXPECT_EQ(budget.TakeChunk(kAlice), limits.chunk_bytes_min) << "nobody waits";
}

// An account that opens downloads and reads none slows down itself alone.
TEST(DownloadBudgetTest, WhoReadsNothingLeavesLargeChunksToOthers) {
  const DownloadLimits limits;
  DownloadBudget budget(limits);
  int64_t held = 0;
  int64_t count = 0;
  for (; budget.Open(kAlice).ok(); ++count) held += budget.TakeChunk(kAlice);
  EXPECT_GT(count, 500);
  EXPECT_LE(held, limits.unread_bytes / 2 + count * limits.chunk_bytes_min);
  EXPECT_EQ(budget.TakeChunk(kAlice), limits.chunk_bytes_min);
  EXPECT_THAT(budget.Open(kBob), IsOk());
  EXPECT_GE(budget.TakeChunk(kBob), limits.chunk_bytes_max / 4);
}

TEST(DownloadBudgetTest, WhatIsReadIsTheAccountsAgain) {
  const DownloadLimits limits;
  DownloadBudget budget(limits);
  EXPECT_THAT(budget.Open(kAlice), IsOk());
  std::vector<int64_t> chunks;
  for (int i = 0; i < 200; ++i) chunks.push_back(budget.TakeChunk(kAlice));
  EXPECT_EQ(chunks.back(), limits.chunk_bytes_min);
  for (const int64_t chunk : chunks) budget.GiveBack(kAlice, chunk);
  EXPECT_EQ(budget.TakeChunk(kAlice), limits.chunk_bytes_max);
}

TEST(DownloadBudgetTest, WhoReadsHasLargeChunks) {
  const DownloadLimits limits;
  DownloadBudget budget(limits);
  EXPECT_THAT(budget.Open(kAlice), IsOk());
  for (int i = 0; i < 1'000; ++i) {
    const int64_t chunk = budget.TakeChunk(kAlice);
    EXPECT_EQ(chunk, limits.chunk_bytes_max);
    budget.GiveBack(kAlice, chunk);
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
