// SPDX-License-Identifier: Apache-2.0
// One client's space must never keep the search from everybody else's, nor the
// server from stopping.
#include "server/search/search_runner.h"

#include "absl/synchronization/notification.h"
#include "common/base/steady_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/storage/memory_store.h"
#include "tests/support/endless_space.h"

namespace archpool {
namespace {

// Notes the first ranking of a task with something to rank.
class RankingNote : public EngineListener {
 public:
  void OnCommit(absl::Span<const Event> events) override {
    for (const Event& event : events) {
      const auto* ranking = std::get_if<Ranking>(&event);
      if (ranking == nullptr || ranking->candidates.size() < 8) continue;
      if (!came.HasBeenNotified()) came.Notify();
    }
  }
  void OnLoad(const PoolSnapshot&) override {}

  absl::Notification came;
};

class SearchRunnerTest : public ::testing::Test {
 protected:
  // An engine over `store_` with a runner beside it, as a server has them.
  void Start(SearchPolicyKind policy) {
    engine_ =
        std::make_unique<Engine>(clock_, store_, PoolPolicy(), EngineOptions());
    runner_ = std::make_unique<SearchRunner>(
        *engine_, SearchPolicySpec{.kind = policy}, PoolPolicy());
    engine_->Subscribe(*runner_);
    engine_->Subscribe(ranked_);
    ASSERT_TRUE(engine_->Start().ok());
  }
  void Stop() {
    runner_->Stop();
    engine_->Stop();
  }
  AccountId MakeClient() {
    const AccountId client =
        engine_->Call(CreateAccount{"client", Role::kClient, Sha256("token")})
            ->id;
    EXPECT_TRUE(
        engine_->Call(Deposit{"client", 1'000 * kAmountPerCoin, "d"}).ok());
    EXPECT_TRUE(
        engine_
            ->Call(RegisterDataset{client, TinyManifest(), Sha256("held-out")})
            .ok());
    return client;
  }

  SteadyClock clock_;
  MemoryStore store_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<SearchRunner> runner_;
  RankingNote ranked_;
};

TEST_F(SearchRunnerTest, AnEndlessSpaceHoldsUpNobody) {
  Start(SearchPolicyKind::kExhaustive);
  const AccountId client = MakeClient();
  EXPECT_TRUE(
      engine_->Call(SubmitTask{client, EndlessSpec(), "endless", Sha256("s")})
          .ok());
  EXPECT_TRUE(
      engine_->Call(SubmitTask{client, TinySpec(4), "small", Sha256("s")})
          .ok());
  ranked_.came.WaitForNotification();
  Stop();
}

// It comes back with the records, and is no worse then.
TEST_F(SearchRunnerTest, StopsInTheMidstOfAnEndlessSpaceAfterARestartToo) {
  Start(SearchPolicyKind::kExhaustive);
  const AccountId client = MakeClient();
  EXPECT_TRUE(
      engine_->Call(SubmitTask{client, EndlessSpec(), "endless", Sha256("s")})
          .ok());
  Stop();
  Start(SearchPolicyKind::kExhaustive);
  EXPECT_TRUE(
      engine_->Call(SubmitTask{client, TinySpec(4), "small", Sha256("s")})
          .ok());
  ranked_.came.WaitForNotification();
  Stop();
}

}  // namespace
}  // namespace archpool
