// SPDX-License-Identifier: Apache-2.0
// Durable before visible: whatever the store does, no reply leaves before its
// commit, nothing acknowledged is lost, and a bad commit is never guessed
// about.
#include "server/engine/engine.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/storage/memory_store.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

size_t CountAccounts(absl::Span<const Event> events) {
  return static_cast<size_t>(
      std::count_if(events.begin(), events.end(), [](const Event& event) {
        return std::holds_alternative<Account>(event);
      }));
}

// Fails commits of accounts as a test says: before they happen, after they
// happened, or by a constraint where an event matches. The engine's own ticks,
// which come when they come, are no test's to fail.
class FaultyStore : public Store {
 public:
  enum class Fault { kNone, kBefore, kInDoubtDone, kInDoubtLost };

  absl::StatusOr<LoadedPool> TakeOver() override {
    if (takeover_failures > 0) {
      --takeover_failures;
      return Unavailable("STORE_UNREACHABLE", "the test says so");
    }
    absl::StatusOr<LoadedPool> loaded = memory.TakeOver();
    if (loaded.ok()) loaded->sequence -= commits_lost;
    return loaded;
  }

  absl::Status Commit(int64_t generation, int64_t sequence,
                      absl::Span<const Event> events) override {
    ++commits;
    for (const Event& event : events) {
      const auto* account = std::get_if<Account>(&event);
      if (account != nullptr && account->name == "poison") {
        return FailedPrecondition("CONSTRAINT", "poison is refused");
      }
    }
    switch (CountAccounts(events) == 0 ? Fault::kNone
                                       : fault.exchange(Fault::kNone)) {
      case Fault::kNone:
        break;
      case Fault::kBefore:
        return Unavailable("STORE_UNREACHABLE", "the connection broke");
      case Fault::kInDoubtLost:
        return MakeError(absl::StatusCode::kUnknown, "COMMIT_IN_DOUBT", "lost");
      case Fault::kInDoubtDone: {
        const absl::Status done = memory.Commit(generation, sequence, events);
        EXPECT_THAT(done, IsOk());
        return MakeError(absl::StatusCode::kUnknown, "COMMIT_IN_DOUBT", "done");
      }
    }
    return memory.Commit(generation, sequence, events);
  }

  absl::StatusOr<std::optional<Task>> FindTask(
      AccountId client, const std::string& request_id) override {
    return memory.FindTask(client, request_id);
  }
  absl::StatusOr<std::optional<TransferId>> FindDeposit(
      const std::string& request_id) override {
    return memory.FindDeposit(request_id);
  }
  absl::StatusOr<std::optional<Payout>> FindPayout(
      AccountId account, const std::string& request_id) override {
    return memory.FindPayout(account, request_id);
  }
  absl::StatusOr<std::optional<DatasetRecord>> FindDataset(
      const Digest& id) override {
    return memory.FindDataset(id);
  }

  MemoryStore memory;
  std::atomic<Fault> fault{Fault::kNone};
  std::atomic<int> takeover_failures{0};
  std::atomic<int64_t> commits_lost{0};  // by the database
  std::atomic<int> commits{0};
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() : engine(clock, store, PoolPolicy(), EngineOptions()) {
    EXPECT_THAT(engine.Start(), IsOk());
  }
  static CreateAccount Create(const std::string& name) {
    return {name, Role::kMiner, Sha256(name)};
  }
  size_t StoredAccounts() { return store.memory.Accounts()->size(); }

  SteadyClock clock;
  FaultyStore store;
  Engine engine;
};

TEST_F(EngineTest, AnAcknowledgedCommandIsInTheStore) {
  EXPECT_THAT(engine.Call(Create("alice")), IsOk());
  EXPECT_EQ(StoredAccounts(), 1u);
}

TEST_F(EngineTest, ACommitThatFailedAnswersUnavailableAndLeavesNothing) {
  store.fault = FaultyStore::Fault::kBefore;
  EXPECT_THAT(engine.Call(Create("alice")), FailsWith("COMMIT_FAILED"));
  EXPECT_EQ(StoredAccounts(), 0u);
  EXPECT_THAT(engine.Call(Create("alice")), IsOk()) << "asking again works";
}

// The reply says "unknown"; the state that follows is the database's.
TEST_F(EngineTest, ACommitInDoubtIsReadBackNotGuessed) {
  store.fault = FaultyStore::Fault::kInDoubtDone;
  EXPECT_THAT(engine.Call(Create("alice")), FailsWith("COMMIT_FAILED"));
  EXPECT_THAT(engine.Call(Create("alice")), IsOk())
      << "asking again finds the account that was made";
  CreateAccount other = Create("alice");
  other.token_hash = Sha256("another");
  EXPECT_THAT(engine.Call(other), FailsWith("ACCOUNT_NAME_TAKEN"));
  EXPECT_EQ(StoredAccounts(), 1u);
  store.fault = FaultyStore::Fault::kInDoubtLost;
  EXPECT_THAT(engine.Call(Create("bob")), FailsWith("COMMIT_FAILED"));
  EXPECT_THAT(engine.Call(Create("bob")), IsOk());
  EXPECT_EQ(StoredAccounts(), 2u);
}

TEST_F(EngineTest, AStoreThatIsAwayForAWhileIsWaitedFor) {
  store.takeover_failures = 3;
  store.fault = FaultyStore::Fault::kBefore;
  EXPECT_THAT(engine.Call(Create("alice")), FailsWith("COMMIT_FAILED"));
  absl::StatusOr<Account> reply = engine.Call(Create("alice"));
  while (!reply.ok()) {
    EXPECT_THAT(reply, FailsWith("COMMIT_FAILED"));
    reply = engine.Call(Create("alice"));
  }
  EXPECT_EQ(StoredAccounts(), 1u);
}

// One command that the database refuses must not spoil its neighbours.
TEST_F(EngineTest, ARefusedRowFailsItsOwnCommandAlone) {
  constexpr int kCommands = 40;
  std::atomic<int> ok{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < kCommands; ++i) {
    callers.emplace_back([&, i] {
      const auto reply =
          engine.Call(Create(i == 17 ? "poison" : absl::StrCat("m", i)));
      if (reply.ok()) {
        ++ok;
      } else {
        EXPECT_THAT(reply, FailsWith("STORE_REFUSED"));
        ++refused;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(ok, kCommands - 1);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(StoredAccounts(), static_cast<size_t>(kCommands - 1));
}

TEST_F(EngineTest, ManyCommandsShareFewCommits) {
  constexpr int kCommands = 2'000;
  std::atomic<int> answered{0};
  for (int i = 0; i < kCommands; ++i) {
    engine.Submit<CreateAccount>(Create(absl::StrCat("m", i)),
                                 [&](const absl::StatusOr<Account>& reply) {
                                   EXPECT_THAT(reply, IsOk());
                                   ++answered;
                                 });
  }
  engine.Stop();
  EXPECT_EQ(answered, kCommands) << "a stop answers what came before it";
  EXPECT_LT(store.commits, kCommands / 4);
}

// A standby that lagged took the database's place: nothing is done on top of
// what lacks acknowledged commits, until the right one is back.
TEST_F(EngineTest, ADatabaseThatWentBackIsNotContinuedFrom) {
  ASSERT_THAT(engine.Call(Create("alice")), IsOk());
  store.commits_lost = 1;
  store.fault = FaultyStore::Fault::kBefore;
  EXPECT_THAT(engine.Call(Create("bob")), FailsWith("COMMIT_FAILED"));
  while (GetReason(engine.stats().store_failure) != "STORE_WENT_BACK") {
    std::this_thread::yield();
  }
  EXPECT_TRUE(engine.stats().is_store_failing);
  const absl::Status refused = engine.Call(Create("bob")).status();
  EXPECT_THAT(refused, FailsWith("COMMIT_FAILED"));
  EXPECT_THAT(std::string(refused.message()),
              testing::HasSubstr("STORE_WENT_BACK"));
  EXPECT_EQ(StoredAccounts(), 1u);
  store.commits_lost = 0;
  while (engine.stats().is_store_failing) std::this_thread::yield();
  EXPECT_THAT(engine.Call(Create("bob")), IsOk());
  EXPECT_EQ(StoredAccounts(), 2u);
}

TEST_F(EngineTest, AFencedEngineStopsAndNeverWritesAgain) {
  EXPECT_THAT(engine.Call(Create("alice")), IsOk());
  EXPECT_THAT(store.memory.TakeOver(), IsOk()) << "another server starts";
  // Unless a tick of the engine's own is fenced off first.
  EXPECT_THAT(
      engine.Call(Create("bob")),
      testing::AnyOf(FailsWith("COMMIT_FAILED"), FailsWith("ENGINE_STOPPED")));
  EXPECT_THAT(engine.Call(Create("bob")), FailsWith("ENGINE_STOPPED"));
  EXPECT_FALSE(engine.IsRunning());
  EXPECT_EQ(StoredAccounts(), 1u);
}

TEST_F(EngineTest, ACommandAfterTheStopIsRefusedAtOnce) {
  engine.Stop();
  EXPECT_THAT(engine.Call(Create("late")), FailsWith("ENGINE_STOPPED"));
}

// What a database from before there were receipts lacks is made as the engine
// starts; no command asks for it.
TEST(EngineUpgradeTest, RecordsOfAnOlderServerAreUpgraded) {
  MemoryStore store;
  const Account alice{.id = {1}, .name = "alice", .role = Role::kMiner};
  const std::vector<Event> before = {alice, Balance{Place::Outside(), -7},
                                     Balance{Place::Of(alice.id), 7}};
  const auto loaded = store.TakeOver();
  ASSERT_THAT(loaded, IsOk());
  ASSERT_THAT(store.Commit(loaded->generation, loaded->sequence, before),
              IsOk());
  SteadyClock clock;
  Engine engine(clock, store, PoolPolicy(), EngineOptions());
  ASSERT_THAT(engine.Start(), IsOk());
  EXPECT_THAT(engine.Call(CreateAccount{"bob", Role::kMiner, Sha256("bob")}),
              IsOk());
  engine.Stop();
  const absl::StatusOr<OpenReceipts> open = store.Open(10);
  ASSERT_THAT(open, IsOk());
  ASSERT_THAT(open->receipts, SizeIs(1));
  EXPECT_EQ(open->receipts[0].account, alice.id);
}

TEST_F(EngineTest, SaysWhatThePoolHolds) {
  ASSERT_THAT(engine.Call(Create("alice")), IsOk());
  const auto accounts = [&] {
    for (const auto& [kind, count] : engine.stats().held) {
      if (absl::string_view(kind) == "accounts") return count;
    }
    return int64_t{0};
  };
  for (int i = 0; i < 200 && accounts() == 0; ++i) {  // until a tick
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(accounts(), 1);
}

TEST(EngineQueueTest, AFullQueueRefuses) {
  SteadyClock clock;
  FaultyStore store;
  Engine engine(clock, store, PoolPolicy(), {.queue_max = 10, .batch_max = 1});
  ASSERT_THAT(engine.Start(), IsOk());
  std::atomic<int> refused{0};
  std::atomic<int> answered{0};
  for (int i = 0; i < 5'000; ++i) {
    engine.Submit<CreateAccount>(
        {absl::StrCat("m", i), Role::kMiner, Sha256(absl::StrCat(i))},
        [&](const absl::StatusOr<Account>& reply) {
          ++answered;
          if (!reply.ok()) {
            EXPECT_THAT(reply, FailsWith("QUEUE_FULL"));
            ++refused;
          }
        });
  }
  engine.Stop();
  EXPECT_EQ(answered, 5'000);
  EXPECT_GT(refused, 0);
}

// Writes down what a listener of that name hears.
class Diarist : public EngineListener {
 public:
  Diarist(std::string name, std::vector<std::string>& diary)
      : name_(std::move(name)), diary_(diary) {}

  void OnCommit(absl::Span<const Event> events) override {
    Note("commit", CountAccounts(events));
  }
  void OnLoad(const PoolSnapshot& snapshot) override {
    Note("load", CountAccounts(snapshot.records));
  }

 private:
  void Note(absl::string_view what, size_t accounts) {
    // The engine commits its ticks as well.
    if (what == "commit" && accounts == 0) return;
    diary_.push_back(absl::StrCat(name_, ": ", what, " of ", accounts));
  }

  const std::string name_;
  std::vector<std::string>& diary_;
};

class EngineListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    engine.Subscribe(first);
    engine.Subscribe(second);
    ASSERT_THAT(engine.Start(), IsOk());
  }

  SteadyClock clock;
  FaultyStore store;
  // Outlive the engine, which ticks to its end. The diary is the engine's
  // thread's while it runs; a reply comes after what was written before it.
  std::vector<std::string> diary;
  Diarist first{"first", diary};
  Diarist second{"second", diary};
  Engine engine{clock, store, PoolPolicy(), EngineOptions()};
};

// Listeners see what is committed, before its reply and in their order.
TEST_F(EngineListenerTest, HearOfCommittedRecordsBeforeTheReply) {
  EXPECT_THAT(engine.Call(CreateAccount{"a", Role::kMiner, Digest{}}), IsOk());
  EXPECT_THAT(diary, ElementsAre("first: load of 0", "second: load of 0",
                                 "first: commit of 1", "second: commit of 1"));
}

// What was written by a commit in doubt is heard of as well, by the load that
// follows.
TEST_F(EngineListenerTest, HearOfACommitInDoubtByTheLoadAfterIt) {
  store.fault = FaultyStore::Fault::kInDoubtDone;
  EXPECT_THAT(engine.Call(CreateAccount{"a", Role::kMiner, Digest{}}),
              FailsWith("COMMIT_FAILED"));
  engine.Stop();
  EXPECT_THAT(diary, ElementsAre("first: load of 0", "second: load of 0",
                                 "first: load of 1", "second: load of 1"));
}

TEST_F(EngineListenerTest, HearNothingOfACommitThatFailed) {
  store.fault = FaultyStore::Fault::kBefore;
  EXPECT_THAT(engine.Call(CreateAccount{"a", Role::kMiner, Digest{}}),
              FailsWith("COMMIT_FAILED"));
  engine.Stop();
  EXPECT_THAT(diary, ElementsAre("first: load of 0", "second: load of 0",
                                 "first: load of 0", "second: load of 0"));
}

}  // namespace
}  // namespace archpool
