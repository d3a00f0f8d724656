// SPDX-License-Identifier: Apache-2.0
// A task's end: who is paid what, under either rule, and what is shown for it.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/sign_receipts.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using testing::ElementsAre;

constexpr Amount kReward = 100 * kAmountPerCoin;

PoolPolicy Policy(RewardRule rule) {
  PoolPolicy policy = AuditEverything();
  policy.reward_rule = rule;
  policy.credit_block = 1;
  policy.payout_min = 1;
  return policy;
}

class SettlementTest : public testing::Test {
 protected:
  explicit SettlementTest(RewardRule rule = RewardRule::kProportional)
      : pool(Policy(rule)),
        alice(pool.Make("alice", Role::kMiner)),
        bob(pool.Make("bob", Role::kMiner)),
        alices(pool.Open(alice, "a")),
        bobs(pool.Open(bob, "b")) {}

  Amount Balance(AccountId account) {
    return pool.pool.state().money().BalanceOf(Place::Of(account));
  }
  TaskId Submit(const std::string& request_id, Amount reward = kReward) {
    TaskSpec spec = TinySpec(3);
    spec.terms.reward = reward;
    spec.budget.work_units = 100'000'000;
    return pool.Submit(spec, request_id);
  }
  // The account works off one lease.
  void Work(AccountId miner, SessionId session) {
    const auto grant = pool.Do(AcquireLease{miner, session}).grant;
    ASSERT_TRUE(grant.has_value());
    for (const TrialId trial : grant->lease.trials) {
      pool.Deliver(miner, session, grant->lease, trial, 900);
    }
    pool.VerifyAll();
  }
  void End(TaskId task) {
    pool.Do(CancelTask{task, pool.client});
    pool.VerifyAll();
    pool.Advance(absl::Minutes(10));
    pool.VerifyAll();
    ASSERT_EQ(pool.pool.state().Find(task), nullptr);
  }
  Amount EscrowOf(TaskId task) {
    return pool.pool.state().money().BalanceOf(Place::EscrowOf(task));
  }
  Amount OwedTo(AccountId account) {
    Amount sum = 0;
    for (const auto& [key, owed] : pool.pool.state().money().owed()) {
      if (owed.account == account) sum += owed.amount;
    }
    return sum;
  }

  TestPool pool;
  AccountId alice;
  AccountId bob;
  SessionId alices;
  SessionId bobs;
};

// A database from before there were receipts: what follows checks anyway.
TEST_F(SettlementTest, ReceiptsBeginInTheMiddle) {
  pool.Do(SetPayoutTerms{alice, "addr", 0});
  pool.Do(Deposit{"alice", 5 * kAmountPerCoin, "gift"});
  const PayoutId payout = pool.Do(RequestPayout{alice, 0, "p1"});
  pool.Do(Deposit{"alice", 3 * kAmountPerCoin, "another gift"});
  const TaskId task = Submit("r1");
  Work(alice, alices);
  PoolSnapshot before = pool.pool.state().Snapshot();
  before.last_ids.receipt = 0;
  pool.pool = Pool(pool.policy, before);
  pool.Do(UpgradeRecords{});
  Work(alice, alices);
  End(task);
  pool.Do(BeginSends{10});
  pool.Do(ReportPayout{payout, RailWord::kSettled, "tx", ""});
  std::vector<std::string> encodings;
  for (const Event& event : pool.pool.TakeEvents()) {
    const auto* receipt = std::get_if<Receipt>(&event);
    if (receipt != nullptr && receipt->account == alice) {
      encodings.push_back(receipt->content);
    }
  }
  const SigningKey key = SigningKey::Generate();
  const auto report = CheckReceipts(
      SignReceipts(key, alice, encodings, Balance(alice)), key.public_key());
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->problems, testing::IsEmpty());
  EXPECT_EQ(report->carried, 3 * kAmountPerCoin);
  EXPECT_TRUE(report->tasks.at(task).is_settled);
}

class WindowTest : public SettlementTest {
 protected:
  WindowTest() : SettlementTest(RewardRule::kPplns) {}
};

TEST_F(SettlementTest, ARevenueSplitPassesOnItsParts) {
  pool.Do(SetShareConsent{bob, "alice", true});
  pool.Do(SetRevenueSplit{alice, {{"alice", 899'999}, {"bob", 100'001}}});
  const TaskId task = Submit("r1");
  Work(alice, alices);
  End(task);
  const Amount all = Balance(alice) + Balance(bob);
  EXPECT_GT(all, 0);
  EXPECT_EQ(Balance(alice), all * 899'999 / 1'000'000);
  pool.Do(SetRevenueSplit{alice, {}});
  const Amount before = Balance(bob);
  const TaskId next = Submit("r2");
  Work(alice, alices);
  End(next);
  EXPECT_EQ(Balance(bob), before) << "a split holds until it is taken back";
}

// Nobody gets transfers and receipts that they never agreed to.
TEST_F(SettlementTest, ASplitNamesOnlyWhoAgreedToIt) {
  const std::vector<SetRevenueSplit::Part> parts = {{"alice", 500'000},
                                                    {"bob", 500'000}};
  EXPECT_THAT(pool.Try(SetRevenueSplit{alice, parts}).status(),
              FailsWith("SHARE_NOT_ACCEPTED"));
  pool.Do(SetShareConsent{alice, "bob", true});
  EXPECT_THAT(pool.Try(SetRevenueSplit{alice, parts}).status(),
              FailsWith("SHARE_NOT_ACCEPTED"))
      << "the other way round is no consent";
  pool.Do(SetShareConsent{bob, "alice", true});
  const Account again = pool.Do(SetShareConsent{bob, "alice", true});
  EXPECT_EQ(again.shares_from, std::vector<AccountId>{alice});
  pool.Do(SetRevenueSplit{alice, parts});

  // Taken back, the part stays with the payer.
  EXPECT_TRUE(
      pool.Do(SetShareConsent{bob, "alice", false}).shares_from.empty());
  const TaskId task = Submit("r1");
  Work(alice, alices);
  End(task);
  EXPECT_GT(Balance(alice), 0);
  EXPECT_EQ(Balance(bob), 0);
  EXPECT_THAT(pool.Try(SetShareConsent{bob, "nobody", true}).status(),
              FailsWith("ACCOUNT_UNKNOWN"));
  EXPECT_TRUE(pool.Do(SetShareConsent{bob, "bob", true}).shares_from.empty())
      << "oneself needs none";
}

TEST_F(SettlementTest, WhatASuspendedAccountIsPaidStaysWithIt) {
  pool.Do(SetPayoutTerms{alice, "alice's", 1'000});
  pool.Do(SetPayoutTerms{bob, "bob's", 1'000});
  const TaskId task = Submit("r1");
  Work(alice, alices);
  Work(bob, bobs);
  pool.Do(SetAccountState{"alice", AccountState::kSuspended});
  End(task);
  EXPECT_GT(Balance(alice), 1'000);
  EXPECT_EQ(Balance(bob), 0) << "it went out by itself";
}

TEST_F(SettlementTest, ASplitMustAddUp) {
  pool.Do(SetShareConsent{bob, "alice", true});
  const auto fails = [&](std::vector<SetRevenueSplit::Part> parts) {
    return pool.Try(SetRevenueSplit{alice, std::move(parts)}).status();
  };
  EXPECT_THAT(fails({{"bob", 999'999}}), FailsWith("SPLIT_RANGE"));
  EXPECT_THAT(fails({{"bob", 1'000'001}}), FailsWith("SPLIT_RANGE"));
  EXPECT_THAT(fails({{"bob", 1'500'000}, {"alice", -500'000}}),
              FailsWith("SPLIT_RANGE"));
  EXPECT_THAT(fails({{"bob", 500'000}, {"bob", 500'000}}),
              FailsWith("SPLIT_RANGE"));
  EXPECT_THAT(fails({{"bob", 0}, {"alice", 1'000'000}}),
              FailsWith("SPLIT_RANGE"));
  EXPECT_THAT(fails(std::vector<SetRevenueSplit::Part>(17, {"bob", 1})),
              FailsWith("SPLIT_RANGE"));
  EXPECT_THAT(fails({{"nobody", 1'000'000}}), FailsWith("ACCOUNT_UNKNOWN"));
  EXPECT_THAT(fails({{"verifier", 1'000'000}}), FailsWith("ACCOUNT_UNKNOWN"));
  EXPECT_TRUE(pool.pool.state().Find(alice)->split.empty());
}

// Whoever was slower than the backup may hand in what was under way, as long as
// the budget still has it: units that were given out again are not paid twice.
TEST_F(SettlementTest, ALateReportDoesNotOverspendTheBudget) {
  TaskSpec spec = TinySpec(8);
  spec.trials_per_lease = 4;
  spec.subspaces = 2;
  spec.budget.work_units = 12'000;
  const TaskId task = pool.Submit(spec, "r1");
  const LeaseGrant slow = *pool.Do(AcquireLease{alice, alices}).grant;
  pool.Deliver(alice, alices, slow.lease, slow.lease.trials[0], 900);
  pool.VerifyAll();
  // Her box is the best so far, and she falls silent.
  pool.Advance(pool.policy.silence_term + absl::Seconds(1));
  const LeaseGrant quick = *pool.Do(AcquireLease{bob, bobs}).grant;
  ASSERT_EQ(quick.lease.role, LeaseRole::kBackup);
  pool.Do(RenewLease{alice, alices, slow.lease.id});
  std::vector<LeaseGrant> bobs_work = {quick};
  while (!bobs_work.empty()) {
    const Lease lease = bobs_work.back().lease;
    bobs_work.pop_back();
    for (size_t i = 0; i < 4; ++i) {
      const Lease* now = pool.pool.state().Find(lease.id);
      if (now == nullptr || i >= now->trials.size()) break;
      pool.Deliver(bob, bobs, lease, now->trials[i], 500);
    }
    pool.VerifyAll();
    const auto next = pool.Do(AcquireLease{bob, bobs}).grant;
    if (next) bobs_work.push_back(*next);
  }
  const TaskIndex& index = pool.pool.state().IndexOf(task);
  bool was_refused = false;
  for (const TrialId id :
       std::vector<TrialId>(index.trials.begin(), index.trials.end())) {
    const Trial& trial = *pool.pool.state().Find(id);
    if (trial.account != alice || trial.state != TrialState::kAbandoned) {
      continue;
    }
    ASSERT_EQ(trial.reason, kSuperseded);
    const auto reply =
        pool.Do(ReportTrials{alice,
                             alices,
                             slow.lease.id,
                             slow.lease.attempt,
                             {FakeReport(id, spec.recipe.segments, 900)}});
    was_refused |= !reply.results[0].status.ok();
    EXPECT_LE(index.tally.accepted_units + index.tally.reserved_units,
              spec.budget.work_units);
  }
  EXPECT_TRUE(was_refused);
  End(task);
}

// A client and a miner that are one person get nothing that two persons would
// not get: what comes back is what was brought, less the fee.
TEST_F(SettlementTest, WhoMinesHisOwnTaskPaysTheFee) {
  const Amount before = Balance(pool.client) + Balance(alice);
  const TaskId task = Submit("r1");
  Work(alice, alices);
  End(task);
  const Amount fee = pool.pool.state().money().BalanceOf(Place::Fees());
  EXPECT_GT(fee, 0);
  EXPECT_EQ(Balance(pool.client) + Balance(alice), before - fee);
}

TEST_F(WindowTest, WorkForATaskThatIsStillOpenIsPaidByOneThatEnds) {
  const TaskId first = Submit("r1");
  Work(alice, alices);
  EXPECT_GT(OwedTo(alice), 0);
  EXPECT_EQ(Balance(alice), 0);
  pool.Do(AcquireLease{alice, alices});  // so that bob gets the second task
  const TaskId second = Submit("r2");
  Work(bob, bobs);
  End(second);
  EXPECT_GT(Balance(alice), 0) << "out of the second's pot";
  EXPECT_GT(OwedTo(bob), 0) << "which the first has still to pay";
  EXPECT_EQ(EscrowOf(second), 0);
  End(first);
  EXPECT_TRUE(pool.pool.state().money().owed().empty())
      << "everybody is paid in full";
}

// Credit that another task paid, and that is found false in the end, is made up
// for by the task that it was of: nobody else is the poorer, and a client who
// mines its own task has gained nothing.
TEST_F(WindowTest, AFakeThatWasPaidIsMadeUpForByItsOwnTask) {
  const TaskId first = Submit("r1");
  Work(alice, alices);
  Work(alice, alices);
  pool.Do(AcquireLease{alice, alices});
  const TaskId second = Submit("r2");
  Work(bob, bobs);
  End(second);
  const Amount paid = Balance(alice);
  ASSERT_GT(paid, 0);
  const Amount short_of = OwedTo(bob);
  ASSERT_GT(short_of, 0) << "alice has what was bob's";
  const Amount bobs_before = Balance(bob);
  // Its finalists are replayed in full when the first ends: all are false.
  pool.Do(CancelTask{first, pool.client});
  for (int i = 0; i < 100; ++i) {
    for (const char* name : {"v1", "v2"}) {
      const auto grant = pool.Do(AcquireAudit{pool.verifier, name});
      if (!grant) continue;
      pool.Do(ReportAudit{pool.verifier, grant->audit.id, grant->audit.attempt,
                          name, TrainingRefuted{"TRAINING_FALSE"}});
    }
    pool.Advance(2 * pool.policy.second_look_term);
  }
  pool.Advance(absl::Minutes(30));
  ASSERT_EQ(pool.pool.state().Find(first), nullptr);
  EXPECT_TRUE(pool.pool.state().money().owed().empty());
  EXPECT_EQ(Balance(bob), bobs_before + short_of);
  EXPECT_EQ(Balance(alice), paid) << "she has it, and nothing more";
}

}  // namespace
}  // namespace archpool
