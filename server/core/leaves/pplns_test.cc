// SPDX-License-Identifier: Apache-2.0
// What the window pays: exact, never negative, never more than was earned,
// whatever the order, and whoever decides when tasks end.
#include "server/core/leaves/pplns.h"

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/base/sanitized.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

__extension__ using Wide = unsigned __int128;

Amount SumOf(const WindowSettlement& settlement) {
  Amount sum = 0;
  for (const WindowShare& share : settlement.shares) sum += share.amount;
  return sum;
}

std::map<int64_t, Amount> ByAccount(const WindowSettlement& settlement) {
  std::map<int64_t, Amount> pays;
  for (const WindowShare& share : settlement.shares) {
    pays[share.account.value] += share.amount;
  }
  return pays;
}

TEST(PplnsTest, ThePotGoesToTheWindowByWhatItIsOwed) {
  // 6,400 units in 64 slices; 10,000 were credited: the window begins at 3,600.
  const std::vector<Owed> owed = {{3'500, AccountId{1}, 500},
                                  {3'600, AccountId{1}, 100},
                                  {9'900, AccountId{2}, 300}};
  const auto pays = ByAccount(PayThroughWindow(200, owed, 10'000, 6'400));
  EXPECT_EQ(pays, (std::map<int64_t, Amount>{{1, 50}, {2, 150}}));
}

TEST(PplnsTest, WorkBeforeTheWindowGetsWhatTheWindowIsNotOwed) {
  const std::vector<Owed> owed = {{0, AccountId{1}, 500},
                                  {100, AccountId{3}, 500},
                                  {9'900, AccountId{2}, 300}};
  const auto pays = ByAccount(PayThroughWindow(700, owed, 10'000, 6'400));
  EXPECT_EQ(pays, (std::map<int64_t, Amount>{{1, 200}, {2, 300}, {3, 200}}));
}

// Sanitizers look at the same code in a tenth of the rounds.
constexpr int Rounds(int count) { return kIsSanitized ? count / 10 : count; }

// A million random pots against the definition by multiplication alone.
TEST(PplnsTest, AMillionPotsAreExact) {
  CounterRng rng(7, 1);
  for (int round = 0; round < Rounds(1'000'000); ++round) {
    std::vector<Owed> owed(1 + rng.Below(5));
    Amount sum = 0;
    for (size_t i = 0; i < owed.size(); ++i) {
      owed[i] = {
          static_cast<int64_t>(i), AccountId{1 + rng.Below(3)},
          1 + static_cast<Amount>(rng.Below64(uint64_t{1} << rng.Below(45)))};
      sum += owed[i].amount;
    }
    const auto pot =
        static_cast<Amount>(rng.Below64(static_cast<uint64_t>(sum) + 1));
    // All are in the window.
    const WindowSettlement paid = PayThroughWindow(pot, owed, 5, 1'000);
    ASSERT_EQ(SumOf(paid), pot);
    int64_t before = 0;
    for (const WindowShare& share : paid.shares) {
      ASSERT_GE(share.amount, 0);
      ASSERT_EQ(share.total, sum);
      ASSERT_EQ(share.before, before);
      const auto exact = [&](int64_t weight) {
        return static_cast<Wide>(pot) * static_cast<Wide>(weight);
      };
      // ⌊pot · (before + weight) / total⌋ less ⌊pot · before / total⌋ lies
      // within one of pot · weight / total.
      const Wide total = static_cast<Wide>(sum);
      ASSERT_LT(static_cast<Wide>(share.amount) * total,
                exact(share.weight) + total);
      ASSERT_GT(static_cast<Wide>(share.amount) * total + total,
                exact(share.weight));
      before += share.weight;
    }
    for (const Owed& one : paid.owed) ASSERT_GE(one.amount, 0);
  }
}

TEST(PplnsTest, TheOrderInWhichDebtsAreNamedDecidesNothing) {
  CounterRng rng(8, 1);
  for (int round = 0; round < 10'000; ++round) {
    std::vector<Owed> owed(2 + rng.Below(8));
    Amount sum = 0;
    for (size_t i = 0; i < owed.size(); ++i) {
      owed[i] = {static_cast<int64_t>(i) * 100, AccountId{1 + rng.Below(4)},
                 1 + rng.Below(1'000'000)};
      sum += owed[i].amount;
    }
    const Amount pot =
        static_cast<Amount>(rng.Below64(static_cast<uint64_t>(sum) + 1));
    const auto pays = ByAccount(PayThroughWindow(pot, owed, 800, 400));
    for (size_t i = owed.size(); i > 1; --i) {
      std::swap(owed[i - 1], owed[rng.Below(static_cast<uint32_t>(i))]);
    }
    ASSERT_EQ(ByAccount(PayThroughWindow(pot, owed, 800, 400)), pays);
  }
}

TEST(PplnsTest, MoreCreditIsNeverLessMoney) {
  CounterRng rng(9, 1);
  for (int round = 0; round < Rounds(100'000); ++round) {
    std::vector<Owed> owed;
    Amount sum = 0;
    for (int64_t account = 1; account <= 4; ++account) {
      owed.push_back({0, AccountId{account}, 1 + rng.Below(1'000'000)});
      sum += owed.back().amount;
    }
    const Amount pot = rng.Below(static_cast<uint32_t>(sum));
    const size_t who = rng.Below(4);
    const int64_t id = owed[who].account.value;
    const Amount before = ByAccount(PayThroughWindow(pot, owed, 1, 64))[id];
    owed[who].amount += 1 + rng.Below(1'000'000);
    // One unit of rounding may move between neighbours.
    ASSERT_GE(ByAccount(PayThroughWindow(pot, owed, 1, 64))[id] + 1, before);
  }
}

// Tasks at wild prices, one of a client that mines it itself and ends it when
// it likes. What anybody is paid is never more than their work was worth, so
// what comes back to that client is never more than it brought; and in the end
// everybody has been paid for all of it.
TEST(PplnsTest, NoTaskDrainsAnotherWhoeverEndsIt) {
  struct OpenTask {
    Amount price = 0;
    Amount worth = 0;  // credited so far
  };
  constexpr WorkUnits kWindow = 640;
  for (int seed = 0; seed < Rounds(2'000); ++seed) {
    CounterRng rng(static_cast<uint64_t>(seed), 2);
    std::vector<OpenTask> tasks(2 + rng.Below(3));
    std::map<int64_t, Amount> earned;
    std::map<int64_t, Amount> paid;
    std::map<std::pair<int64_t, int64_t>, Owed> owed;
    WorkUnits credited = 0;
    const auto end = [&](OpenTask& task) {
      std::vector<Owed> open;
      for (const auto& [key, one] : owed) {
        if (one.amount > 0) open.push_back(one);
      }
      const WindowSettlement settlement =
          PayThroughWindow(task.worth, open, credited, kWindow);
      for (const Owed& one : settlement.owed) {
        owed[{one.account.value, one.position}] = one;
      }
      Amount out = 0;
      for (const auto& [account, pay] : ByAccount(settlement)) {
        paid[account] += pay;
        out += pay;
      }
      ASSERT_EQ(out, task.worth) << "a task pays what its own work was worth";
      task = {.price = Amount{1} << rng.Below(30)};
      for (const auto& [account, pay] : paid) {
        ASSERT_LE(pay, earned[account]) << "seed " << seed;
      }
    };
    for (OpenTask& task : tasks) task.price = Amount{1} << rng.Below(30);
    for (int step = 0; step < 200; ++step) {
      // Task 0 is mined by its own client, account 1, alone.
      OpenTask& task = tasks[rng.Below(static_cast<uint32_t>(tasks.size()))];
      if (rng.Below(10) == 0) {
        end(task);
        continue;
      }
      const int64_t account = &task == &tasks[0] ? 1 : 1 + rng.Below(3);
      const WorkUnits units = 1 + rng.Below(40);
      const int64_t position = OwedPosition(credited, kWindow);
      Owed& one = owed[{account, position}];
      one = {position, AccountId{account}, one.amount + units * task.price};
      task.worth += units * task.price;
      earned[account] += units * task.price;
      credited += units;
    }
    for (OpenTask& task : tasks) end(task);
    ASSERT_EQ(paid, earned) << "seed " << seed;
  }
}

}  // namespace
}  // namespace archpool
