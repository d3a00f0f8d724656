// SPDX-License-Identifier: Apache-2.0
// The engine's time: what a step of the system's clock, a stall or an outage of
// the store does to what falls due.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "server/core/state/queries.h"
#include "server/engine/engine.h"
#include "server/storage/memory_store.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

class WatchedStore : public Store {
 public:
  absl::StatusOr<LoadedPool> TakeOver() override {
    if (is_away) return Unavailable("STORE_UNREACHABLE", "the test says so");
    return memory.TakeOver();
  }
  absl::Status Commit(int64_t generation, int64_t sequence,
                      absl::Span<const Event> events) override {
    for (const Event& event : events) {
      const auto* account = std::get_if<Account>(&event);
      if (account != nullptr && account->name == "slow") on_slow();
    }
    if (is_away) return Unavailable("STORE_UNREACHABLE", "the test says so");
    return memory.Commit(generation, sequence, events);
  }
  absl::StatusOr<std::optional<Task>> FindTask(
      AccountId client, const std::string& request_id) override {
    if (is_away) return Unavailable("STORE_UNREACHABLE", "the test says so");
    return memory.FindTask(client, request_id);
  }
  absl::StatusOr<std::optional<TransferId>> FindDeposit(
      const std::string& request_id) override {
    if (is_away) return Unavailable("STORE_UNREACHABLE", "the test says so");
    return memory.FindDeposit(request_id);
  }
  absl::StatusOr<std::optional<Payout>> FindPayout(
      AccountId account, const std::string& request_id) override {
    if (is_away) return Unavailable("STORE_UNREACHABLE", "the test says so");
    return memory.FindPayout(account, request_id);
  }
  absl::StatusOr<std::optional<DatasetRecord>> FindDataset(
      const Digest& id) override {
    if (is_away) return Unavailable("STORE_UNREACHABLE", "the test says so");
    return memory.FindDataset(id);
  }

  MemoryStore memory;
  std::atomic<bool> is_away{false};
  std::function<void()> on_slow;  // within the commit of account "slow"
};

// An engine on a pool with one lease, by a clock that the test sets.
class EngineTimeTest : public testing::Test {
 protected:
  EngineTimeTest() {
    alice = pool.Make("alice", Role::kMiner);
    session = pool.Open(alice, "w1");
    TaskSpec spec = TinySpec(4);
    spec.recipe.epochs = 1'000;  // long trials: heartbeats carry the lease
    task = pool.Submit(spec);
    lease = pool.Do(AcquireLease{alice, session}).grant->lease.id;
    const auto loaded = store.memory.TakeOver();
    EXPECT_THAT(store.memory.Commit(loaded->generation, loaded->sequence,
                                    pool.pool.TakeEvents()),
                IsOk());
    elapsed_us = absl::ToUnixMicros(pool.now);
  }
  void Start() {
    ASSERT_THAT(engine.Start(), IsOk());
    // Past the hold after a start.
    for (int i = 0; i < 6; ++i) {
      Pass(kStep);
      ASSERT_THAT(Renew(), IsOk());
    }
  }

  static CreateAccount Create(const std::string& name) {
    return {name, Role::kMiner, Sha256(name)};
  }
  // A tick has looked at the new time when this returns: it is due after the
  // first command at the latest, waits for the second if that is there
  // already, and is then over before the third is answered.
  void Pass(absl::Duration duration) {
    elapsed_us += absl::ToInt64Microseconds(duration);
    for (int i = 0; i < 3; ++i) {
      const absl::StatusOr<Account> made =
          engine.Call(Create(absl::StrCat("m", ++accounts)));
      EXPECT_TRUE(made.ok() || store.is_away) << made.status();
    }
  }
  absl::StatusOr<RenewLease::Reply> Renew() {
    return engine.Call(RenewLease{alice, session, lease});
  }
  LeaseState StateOfLease() {
    return store.memory.Leases({.before = {}, .limit = 1})->at(0).state;
  }

  static constexpr absl::Duration kStep = absl::Seconds(15);

  TestPool pool;
  AccountId alice;
  SessionId session;
  TaskId task;
  LeaseId lease;
  int accounts = 0;
  std::atomic<int64_t> elapsed_us{0};
  std::atomic<int64_t> set_by_us{0};
  SteadyClock clock{
      {[this] { return absl::FromUnixMicros(elapsed_us + set_by_us); },
       [this] { return absl::Microseconds(elapsed_us.load()); }}};
  WatchedStore store;
  Engine engine{clock, store, pool.policy, EngineOptions()};
};

TEST_F(EngineTimeTest, ALeaseWithoutHeartbeatsExpires) {
  Start();
  for (int i = 0; i < 5; ++i) Pass(kStep);
  EXPECT_EQ(StateOfLease(), LeaseState::kExpired);
}

// The engine was busy past the lease's end, and the heartbeat waits since.
TEST_F(EngineTimeTest, ARenewalThatWaitsIsTakenBeforeAnythingExpires) {
  Start();
  for (int i = 0; i < 3; ++i) Pass(kStep);
  absl::Notification renewed;
  absl::Status status;
  store.on_slow = [&] {
    elapsed_us += absl::ToInt64Microseconds(kStep + absl::Seconds(1));
    engine.Submit<RenewLease>(
        {alice, session, lease},
        [&](const absl::StatusOr<RenewLease::Reply>& reply) {
          status = reply.status();
          renewed.Notify();
        });
  };
  EXPECT_THAT(engine.Call(Create("slow")), IsOk());
  renewed.WaitForNotification();
  EXPECT_THAT(status, IsOk());
  Pass(kStep);
  EXPECT_EQ(StateOfLease(), LeaseState::kActive);
}

TEST_F(EngineTimeTest, AStepOfTheSystemsClockEndsNothing) {
  Start();
  for (const int64_t hours : {+10, -10, -20, +1'000}) {
    set_by_us += absl::ToInt64Microseconds(absl::Hours(hours));
    Pass(kStep);
    EXPECT_EQ(StateOfLease(), LeaseState::kActive) << hours;
    EXPECT_EQ(store.memory.GetTask(task)->state, TaskState::kActive) << hours;
    ASSERT_THAT(Renew(), IsOk());
  }
}

TEST_F(EngineTimeTest, AStepBackFreezesNothing) {
  Start();
  set_by_us -= absl::ToInt64Microseconds(absl::Hours(10));
  for (int i = 0; i < 5; ++i) Pass(kStep);
  EXPECT_EQ(StateOfLease(), LeaseState::kExpired);
}

TEST_F(EngineTimeTest, AnOutageOfTheStoreIsAddedToWhatItKept) {
  Start();
  store.is_away = true;
  Pass(absl::Minutes(30));
  store.is_away = false;
  // The engine looks for the store again, by itself.
  while (!engine.Call(Create("back")).ok()) {
    elapsed_us += absl::ToInt64Microseconds(absl::Seconds(1));
  }
  Pass(absl::Seconds(1));
  EXPECT_GE(store.memory.GetTask(task)->time_away, absl::Minutes(30));
  EXPECT_EQ(StateOfLease(), LeaseState::kActive);
}

// The clock was set back while no server ran: the pool's time does not go back.
TEST_F(EngineTimeTest, APoolGoesOnFromWhereItsTimeWas) {
  set_by_us = -absl::ToInt64Microseconds(absl::Hours(10));
  SteadyClock behind{
      {[this] { return absl::FromUnixMicros(elapsed_us + set_by_us); },
       [this] { return absl::Microseconds(elapsed_us.load()); }}};
  Engine other(behind, store, pool.policy, EngineOptions());
  ASSERT_THAT(other.Start(), IsOk());
  EXPECT_GE(behind.Now(), pool.now);
  EXPECT_LE(behind.Now(), pool.now + absl::Seconds(5));
  EXPECT_GT(behind.Ahead(), absl::Hours(9));
}

// The steps of a settlement do not wait for time to pass: no other tick is due
// by this clock, which stands still.
TEST(EngineSettlesTest, OneStepAfterTheOther) {
  PoolPolicy policy = AuditEverything();
  policy.settle_trials_max = 1;
  TestPool pool(policy);
  const AccountId alice = pool.Make("alice", Role::kMiner);
  const SessionId session = pool.Open(alice, "w1");
  const TaskId task = pool.Submit(TinySpec(4));
  const auto grant = pool.Do(AcquireLease{alice, session}).grant;
  for (const Assignment& one : grant->assignments) {
    pool.Deliver(alice, session, grant->lease, one.trial, 700);
  }
  while (const auto audit = pool.Do(AcquireAudit{pool.verifier, "v1"})) {
    pool.Do(ReportAudit{pool.verifier, audit->audit.id, audit->audit.attempt,
                        "v1", WeightsMeasured{700, 700}});
  }
  pool.Do(CancelTask{task, pool.client});
  // Finalists are asked for by ticks.
  while (!ReadyToSettle(pool.pool.state()).empty()) pool.Do(Tick{});
  const auto audit = pool.Do(AcquireAudit{pool.verifier, "v1"});
  ASSERT_TRUE(audit.has_value());
  pool.Do(ReportAudit{pool.verifier, audit->audit.id, audit->audit.attempt,
                      "v1", WeightsMeasured{700, 700}});
  ASSERT_FALSE(ReadyToSettle(pool.pool.state()).empty());

  MemoryStore store;
  const auto loaded = store.TakeOver();
  ASSERT_THAT(store.Commit(loaded->generation, loaded->sequence,
                           pool.pool.TakeEvents()),
              IsOk());
  SteadyClock clock{
      {[&] { return pool.now; }, [&] { return pool.now - absl::UnixEpoch(); }}};
  Engine engine(clock, store, policy, EngineOptions());
  ASSERT_THAT(engine.Start(), IsOk());
  const absl::Time until = absl::Now() + absl::Seconds(60);
  while (!IsEnded(store.GetTask(task)->state) && absl::Now() < until) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(store.GetTask(task)->state, TaskState::kCancelled);
  engine.Stop();
}

}  // namespace
}  // namespace archpool
