// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/wait_queue.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace archpool::rpc {
namespace {

constexpr AccountId kAlice{1};
constexpr AccountId kBob{2};
constexpr absl::Duration kLong = absl::Hours(1);

class WaitQueueTest : public ::testing::Test {
 protected:
  // Notes "<name>:<why>" when called.
  WaitQueue::Callback Note(const std::string& name) {
    return [this, name](Wake wake) {
      static constexpr const char* kWords[] = {"event", "timeout", "refused"};
      log_.push_back(name + ":" + kWords[static_cast<int>(wake)]);
    };
  }
  void Park(WaitQueue& queue, const std::string& name) {
    queue.Park(kAlice, kLong, queue.version(), Note(name));
  }

  Timer timer_;
  std::vector<std::string> log_;
};

TEST_F(WaitQueueTest, WakesAsManyAsCanUseItInOrderOfArrival) {
  WaitQueue queue(timer_, {});
  for (const char* name : {"a", "b", "c"}) Park(queue, name);
  queue.Notify(2);
  EXPECT_EQ(log_, (std::vector<std::string>{"a:event", "b:event"}));
  EXPECT_EQ(queue.size(), 1);
  queue.Notify(5);
  EXPECT_EQ(log_.back(), "c:event");
  EXPECT_EQ(queue.size(), 0);
}

// Thousands whose tokens have ended pass what woke them on, one after the
// other: not one within the other, which would take the engine's stack.
TEST_F(WaitQueueTest, WhatIsPassedOnIsPassedOnInALoop) {
  constexpr int kWaiters = 20'000;
  WaitQueue queue(timer_, {.per_account_max = kWaiters});
  int depth = 0;
  int woken = 0;
  for (int i = 0; i < kWaiters; ++i) {
    queue.Park(kAlice, kLong, queue.version(), [&](Wake) {
      EXPECT_EQ(++depth, 1);
      ++woken;
      queue.Notify(1);
      --depth;
    });
  }
  queue.Notify(1);
  EXPECT_EQ(woken, kWaiters);
  EXPECT_EQ(queue.size(), 0);
}

// What comes between the question and the wait must not be slept through.
TEST_F(WaitQueueTest, AnEventBeforeParkingWakesAtOnce) {
  WaitQueue queue(timer_, {});
  const int64_t seen = queue.version();
  queue.Notify(1);
  queue.Park(kAlice, kLong, seen, Note("a"));
  EXPECT_EQ(log_, (std::vector<std::string>{"a:event"}));
  EXPECT_EQ(queue.size(), 0);
}

TEST_F(WaitQueueTest, ACancelledWaiterIsNotCalledAndLeavesItsWake) {
  WaitQueue queue(timer_, {});
  const auto a = queue.Park(kAlice, kLong, queue.version(), Note("a"));
  Park(queue, "b");
  EXPECT_TRUE(queue.Cancel(a));
  EXPECT_FALSE(queue.Cancel(a));
  queue.Notify(1);
  EXPECT_EQ(log_, (std::vector<std::string>{"b:event"}));
}

TEST_F(WaitQueueTest, TimesOut) {
  WaitQueue queue(timer_, {});
  absl::Notification called;
  Wake why = Wake::kEvent;
  queue.Park(kAlice, absl::Milliseconds(1), queue.version(), [&](Wake wake) {
    why = wake;
    called.Notify();
  });
  called.WaitForNotification();
  EXPECT_EQ(why, Wake::kTimeout);
  EXPECT_EQ(queue.size(), 0);
}

TEST_F(WaitQueueTest, BoundsAreHeldInAllAndPerAccount) {
  WaitQueue queue(timer_, {.waiters_max = 3, .per_account_max = 2});
  Park(queue, "a1");
  Park(queue, "a2");
  Park(queue, "a3");
  EXPECT_EQ(log_, (std::vector<std::string>{"a3:refused"}));
  queue.Park(kBob, kLong, queue.version(), Note("b1"));
  queue.Park(kBob, kLong, queue.version(), Note("b2"));
  EXPECT_EQ(log_.back(), "b2:refused");
  // Room comes back with those that leave.
  queue.Notify(1);
  Park(queue, "a4");
  EXPECT_EQ(log_.back(), "a1:event");
  EXPECT_EQ(queue.size(), 3);
}

// What changed may be why a call must not wait: those that are about to wait
// ask again, too.
TEST_F(WaitQueueTest, AnAccountsWaitersAreAllWoken) {
  WaitQueue queue(timer_, {});
  for (const char* name : {"a", "b"}) Park(queue, name);
  queue.Park(kBob, kLong, queue.version(), Note("bob"));
  const int64_t seen = queue.version();
  queue.NotifyOf(kAlice);
  EXPECT_EQ(log_, (std::vector<std::string>{"a:event", "b:event"}));
  EXPECT_EQ(queue.size(), 1);
  queue.Park(kAlice, kLong, seen, Note("late"));
  EXPECT_EQ(log_.back(), "late:event");
  queue.NotifyOf(AccountId{3});
  EXPECT_EQ(queue.size(), 1);
}

TEST_F(WaitQueueTest, StopRefusesThoseThatWaitAndThoseThatCome) {
  WaitQueue queue(timer_, {});
  Park(queue, "a");
  queue.Stop();
  Park(queue, "b");
  EXPECT_EQ(log_, (std::vector<std::string>{"a:refused", "b:refused"}));
}

// Every waiter is called exactly once, whoever comes first: notifier, timer or
// canceller.
TEST_F(WaitQueueTest, EachWaiterEndsExactlyOnceUnderRaces) {
  WaitQueue queue(timer_, {});
  constexpr int kWaiters = 3000;
  std::vector<std::atomic<int>> ended(kWaiters);
  std::atomic<bool> done = false;
  std::thread notifier([&] {
    while (!done) queue.Notify(3);
  });
  std::thread canceller([&] {
    for (WaitQueue::WaiterId id = 1; !done; id = id % kWaiters + 1) {
      if (queue.Cancel(id)) ++ended[static_cast<size_t>(id - 1)];
    }
  });
  for (size_t i = 0; i < kWaiters; ++i) {
    queue.Park(kAlice, absl::Microseconds(i % 300), queue.version(),
               [&ended, i](Wake) { ++ended[i]; });
  }
  while (queue.size() > 0) std::this_thread::yield();
  done = true;
  notifier.join();
  canceller.join();
  timer_.Stop();
  for (const auto& count : ended) EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace archpool::rpc
