// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/team.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "common/base/sanitized.h"
#include "gtest/gtest.h"

namespace archpool::kernels {
namespace {

// How often each part was taken.
std::vector<int> Counts(Team& team, int64_t parts) {
  std::vector<std::atomic<int>> taken(static_cast<size_t>(parts));
  team.Run(parts, [&](int64_t part) { ++taken[static_cast<size_t>(part)]; });
  return {taken.begin(), taken.end()};
}

TEST(TeamTest, TakesEachPartOnce) {
  for (int threads = 1; threads <= 8; ++threads) {
    Team team(threads);
    EXPECT_EQ(team.threads(), threads);
    for (const int64_t parts : {0, 1, 2, 3, 7, 8, 9, 100}) {
      EXPECT_EQ(Counts(team, parts),
                std::vector<int>(static_cast<size_t>(parts), 1))
          << threads << " threads, " << parts << " parts";
    }
  }
}

TEST(TeamTest, RangesCoverEverythingInOrder) {
  for (int threads = 1; threads <= 8; ++threads) {
    Team team(threads);
    for (const int64_t count : {0, 1, 2, 5, 8, 9, 1000}) {
      // Plain numbers: ranges that met would race.
      std::vector<int> taken(static_cast<size_t>(count), 0);
      std::atomic<int> ranges = 0;
      team.RunRanges(count, [&](int64_t begin, int64_t end) {
        EXPECT_LT(begin, end);
        ++ranges;
        for (int64_t i = begin; i < end; ++i) ++taken[static_cast<size_t>(i)];
      });
      EXPECT_EQ(taken, std::vector<int>(static_cast<size_t>(count), 1));
      EXPECT_LE(ranges, threads);
    }
  }
}

// What one round writes, the next one reads on other threads, and nobody but
// the team says when.
TEST(TeamTest, ARoundSeesAllThatTheOneBeforeDid) {
  constexpr int64_t kParts = 13;
  constexpr int kRounds = 3000;
  for (const int threads : {1, 2, 3, 8}) {
    Team team(threads);
    std::vector<int64_t> now(kParts, 1), next(kParts, 0);
    for (int round = 0; round < kRounds; ++round) {
      team.Run(kParts, [&](int64_t part) {
        const auto at = static_cast<size_t>(part);
        next[at] = now[(at + 1) % kParts] + 1;
      });
      now.swap(next);
    }
    EXPECT_EQ(std::accumulate(now.begin(), now.end(), int64_t{0}),
              kParts * (kRounds + 1))
        << threads << " threads";
  }
}

TEST(TeamTest, WorksOnMoreThreadsThanTheCaller) {
  Team team(4);
  std::vector<std::thread::id> by(4);
  std::atomic<int> arrived = 0;
  // Each part waits for all others, so each has a thread of its own.
  team.Run(4, [&](int64_t part) {
    by[static_cast<size_t>(part)] = std::this_thread::get_id();
    ++arrived;
    while (arrived < 4) std::this_thread::yield();
  });
  EXPECT_EQ(std::set<std::thread::id>(by.begin(), by.end()).size(), 4u);
}

TEST(TeamTest, EndsWhileItIsIdle) {
  for (int i = 0; i < 200; ++i) {
    Team never_used(1 + i % 8);
    Team used(1 + i % 8);
    EXPECT_EQ(Counts(used, 3), std::vector<int>(3, 1));
  }
}

// The work is done by those that there are.
TEST(TeamTest, IsSmallerWhereThreadsCannotBeHad) {
  if (kIsSanitized) return;  // sanitizers take more addresses than that
  const pid_t child = fork();
  if (child == 0) {
    // Room for few stacks.
    constexpr rlim_t kAddresses = rlim_t{256} << 20;
    const rlimit few{.rlim_cur = kAddresses, .rlim_max = kAddresses};
    if (setrlimit(RLIMIT_AS, &few) != 0) _exit(2);
    Team team(500);
    const bool is_smaller = team.threads() < 500;
    _exit(is_smaller && Counts(team, 100) == std::vector<int>(100, 1) ? 0 : 3);
  }
  int ended = 0;
  ASSERT_EQ(waitpid(child, &ended, 0), child);
  EXPECT_TRUE(WIFEXITED(ended));
  EXPECT_EQ(WEXITSTATUS(ended), 0);
}

}  // namespace
}  // namespace archpool::kernels
