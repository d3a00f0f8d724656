// SPDX-License-Identifier: Apache-2.0
// A settlement in steps: whatever comes between two of them, everybody gets
// what they would have got at once.
#include <map>
#include <tuple>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr int64_t kTrials = 12;

enum class Audits { kAll, kFew };

PoolPolicy Policy(RewardRule rule, Audits audits, int64_t step) {
  PoolPolicy policy = AuditEverything();
  if (audits == Audits::kFew) {  // hardly any after an account's first
    policy.audit_floor_ppm = 1;
    policy.audit_rate_factor_ppm = 1;
  }
  policy.results_to_split = 1'000'000;  // nothing is pruned
  policy.reward_rule = rule;
  policy.credit_block = 4;  // so that some of the credit matures at the end
  policy.settle_trials_max = step;
  return policy;
}

struct Outcome {
  std::map<TrialId, std::pair<Amount, Amount>> pays;  // and the bonus
  std::map<AccountId, Amount> balances;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Two miners' task, with all of its verdicts and nothing settled.
class Finished {
 public:
  Finished(RewardRule rule, Audits audits, int64_t step)
      : pool_(Policy(rule, audits, step)) {
    TaskSpec spec = TinySpec(kTrials);
    spec.terms.reward = 100 * kAmountPerCoin + 7;
    spec.terms.finders_bonus_ppm = 100'000;
    spec.budget.trials_max = kTrials;
    task_ = pool_.Submit(spec);
    // What is so good and so cheap leaves no other to be measured.
    Architecture cheapest;
    cheapest.choices = {0, 0, 1};
    pool_.Do(RankCandidates{.task = task_, .candidates = {cheapest}});
    int64_t claim = audits == Audits::kFew ? 1'000 : 600;
    std::pair<AccountId, SessionId> miners[2];
    for (auto& [account, session] : miners) {
      account = pool_.Make(&account == &miners[0].first ? "alice" : "bob",
                           Role::kMiner);
      session = pool_.Open(account, "w");
    }
    for (int turn = 0; State().tasks().all().contains(task_) && turn < 100;
         ++turn) {
      const auto& [account, session] = miners[turn % 2];
      const auto grant = pool_.Do(AcquireLease{account, session}).grant;
      if (!grant) break;
      for (const Assignment& one : grant->assignments) {
        pool_.Deliver(account, session, grant->lease, one.trial, claim);
        claim = audits == Audits::kFew ? 500 : claim + 20;
      }
      VerifyAndWatch();
    }
  }

  const PoolState& State() const { return pool_.pool.state(); }
  bool HasEnded() const { return State().Find(task_) == nullptr; }
  TrialId AnyAccepted() const {
    for (const TrialId id : State().IndexOf(task_).trials) {
      if (SettlementOf(*State().Find(id)).pay > 0) return id;
    }
    return {};
  }
  // A tick, and the verification of what it asks for.
  void Step() {
    pool_.Do(Tick{});
    VerifyAndWatch();
  }
  void Restart() { pool_.pool = Pool(pool_.policy, State().Snapshot()); }
  void Void(TrialId trial) {
    pool_.Do(VoidTrial{trial});
    Watch();
  }
  Outcome End() {
    for (int i = 0; !HasEnded() && i < 1'000; ++i) Step();
    EXPECT_TRUE(HasEnded());
    EXPECT_EQ(State().money().BalanceOf(Place::EscrowOf(task_)), 0);
    for (const auto& [id, account] : State().accounts().all()) {
      outcome_.balances[id] = State().money().BalanceOf(Place::Of(id));
    }
    return outcome_;
  }

 private:
  void VerifyAndWatch() {
    while (const auto grant = pool_.Do(AcquireAudit{pool_.verifier, "v1"})) {
      const int64_t correct = CommitmentOf(grant->trial).claimed_correct;
      pool_.Do(ReportAudit{pool_.verifier, grant->audit.id,
                           grant->audit.attempt, "v1",
                           WeightsMeasured{correct, correct}});
    }
    Watch();
  }
  void Watch() {
    for (const Event& event : pool_.pool.TakeEvents()) {
      const auto* trial = std::get_if<Trial>(&event);
      if (trial != nullptr) {
        outcome_.pays[trial->id] = {SettlementOf(*trial).pay,
                                    SettlementOf(*trial).finders_bonus};
      }
    }
  }

  TestPool pool_;
  TaskId task_;
  Outcome outcome_;
};

class SettlingTest
    : public ::testing::TestWithParam<std::tuple<RewardRule, Audits>> {
 protected:
  static Finished Make(int64_t step) {
    return {std::get<0>(GetParam()), std::get<1>(GetParam()), step};
  }
};

TEST_P(SettlingTest, AKillBetweenAnyTwoStepsChangesNothing) {
  const Outcome at_once = Make(1'000).End();
  ASSERT_GE(at_once.pays.size(), 8u);
  for (int64_t step = 1; step <= 3; ++step) {
    for (int kill = 0; kill < 60; ++kill) {
      Finished finished = Make(step);
      ASSERT_FALSE(finished.HasEnded()) << "it was not done in steps";
      for (int i = 0; i < kill && !finished.HasEnded(); ++i) finished.Step();
      const bool is_over = finished.HasEnded();
      if (!is_over) finished.Restart();
      ASSERT_EQ(finished.End(), at_once) << step << " a step, kill " << kill;
      if (is_over) break;
    }
  }
}

TEST_P(SettlingTest, WhatIsFoundFalseInBetweenIsNotPaid) {
  int voided = 0;
  for (int before = 1; before < 60; ++before) {
    Finished finished = Make(1);
    for (int i = 0; i < before; ++i) finished.Step();
    if (finished.HasEnded()) break;
    const TrialId trial = finished.AnyAccepted();
    if (!trial.IsSet()) continue;
    finished.Void(trial);
    const Outcome outcome = finished.End();
    EXPECT_EQ(outcome.pays.at(trial), std::pair(Amount{0}, Amount{0}));
    ++voided;
  }
  EXPECT_GT(voided, 5);
}

INSTANTIATE_TEST_SUITE_P(
    Rules, SettlingTest,
    ::testing::Combine(::testing::Values(RewardRule::kProportional,
                                         RewardRule::kPplns),
                       ::testing::Values(Audits::kAll, Audits::kFew)));

}  // namespace
}  // namespace archpool
