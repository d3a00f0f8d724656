// SPDX-License-Identifier: Apache-2.0
// What operators do is among the pool's own receipts, once, and only if it
// changed something.
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "common/model/receipt.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Act = std::tuple<std::string, std::string, std::string>;

class OperatorActsTest : public ::testing::Test {
 protected:
  OperatorActsTest() : boss_(pool_.Make("boss", Role::kOperator)) {
    pool_.Make("alice", Role::kMiner);
    pool_.pool.TakeEvents();
  }
  // What was noted since the last time: action, subject and detail.
  std::vector<Act> Noted() {
    std::vector<Act> acts;
    for (const Event& event : pool_.pool.TakeEvents()) {
      const auto* receipt = std::get_if<Receipt>(&event);
      if (receipt == nullptr) continue;
      const auto content = DecodeReceipt(receipt->content);
      EXPECT_THAT(content, IsOk());
      const auto* act = std::get_if<OperatorReceipt>(&content->body);
      if (act == nullptr) continue;
      EXPECT_FALSE(receipt->account.IsSet()) << "of the pool's own books";
      EXPECT_EQ(act->by, boss_);
      EXPECT_EQ(act->time, pool_.now);
      acts.emplace_back(act->action, act->subject, act->detail);
    }
    return acts;
  }

  TestPool pool_;
  AccountId boss_;
};

TEST_F(OperatorActsTest, EachIsNotedOnce) {
  const Deposit deposit{.account_name = "alice",
                        .amount = kAmountPerCoin / 2,
                        .request_id = "gift",
                        .by = boss_};
  const TransferId made = pool_.Do(deposit);
  EXPECT_THAT(Noted(), ElementsAre(Act("deposit", "alice",
                                       "0.5 coins, " + made.ToString())));
  pool_.Do(deposit);
  EXPECT_THAT(Noted(), IsEmpty()) << "the same request";
  pool_.Do(SetAccountState{"alice", AccountState::kSuspended, boss_});
  pool_.Do(SetAccountState{"alice", AccountState::kSuspended, boss_});
  pool_.Do(SetAccountState{"alice", AccountState::kActive, boss_});
  EXPECT_THAT(Noted(), ElementsAre(Act("suspend", "alice", ""),
                                   Act("reinstate", "alice", "")));
  const SetQuotas quotas{
      .name = "alice", .leases = 5, .group = "smith", .by = boss_};
  pool_.Do(quotas);
  pool_.Do(quotas);
  pool_.Do(SetQuotas{.name = "alice", .by = boss_});
  EXPECT_THAT(Noted(),
              ElementsAre(Act("set_quotas", "alice", "leases 5, group smith")));
  const CreateAccount create{"dave", Role::kClient, Sha256("dave's"), boss_};
  pool_.Do(create);
  pool_.Do(create);
  EXPECT_THAT(Noted(), ElementsAre(Act("create_account", "dave", "client")));
  const ReplaceOwnerTokens replace{"dave", Sha256("dave's new"), boss_};
  pool_.Do(replace);
  pool_.Do(replace);
  EXPECT_THAT(Noted(), ElementsAre(Act("replace_owner_tokens", "dave",
                                       "1 revoked, 'owner' made")));
  pool_.Do(SetMaintenance{true, boss_});
  pool_.Do(SetMaintenance{.by = boss_});
  pool_.Do(SetMaintenance{false, boss_});
  EXPECT_THAT(Noted(), ElementsAre(Act("begin_maintenance", "", ""),
                                   Act("end_maintenance", "", "")));
}

TEST_F(OperatorActsTest, WhatClientsAndThePoolDoIsNoActOfAnOperator) {
  const TaskId task = pool_.Submit(TinySpec(4));
  pool_.Do(CancelTask{task, pool_.client});
  pool_.Do(SetAccountState{"alice", AccountState::kSuspended});
  EXPECT_THAT(Noted(), IsEmpty());
  const TaskId other = pool_.Submit(TinySpec(4), "r2");
  pool_.Do(CancelTask{other, std::nullopt, boss_});
  EXPECT_THAT(Noted(), ElementsAre(Act("cancel_task", other.ToString(), "")));
}

TEST_F(OperatorActsTest, WhatIsRefusedIsNoAct) {
  EXPECT_FALSE(pool_.Try(VoidTrial{TrialId{99}, boss_}).ok());
  EXPECT_FALSE(
      pool_.Try(SetAccountState{"nobody", AccountState::kSuspended, boss_})
          .ok());
  EXPECT_THAT(Noted(), IsEmpty());
}

}  // namespace
}  // namespace archpool
