// SPDX-License-Identifier: Apache-2.0
#include "server/core/views/explain.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> ReasonsOf(const MinerRecords& records) {
  std::vector<std::string> reasons;
  for (const Explanation& one : Explain(PoolPolicy(), records)) {
    EXPECT_FALSE(one.message.empty());
    EXPECT_FALSE(one.advice.empty());
    reasons.push_back(one.reason);
  }
  return reasons;
}

MinerRecords Busy() {
  return {.open_tasks = 1, .unsettled = {TaskId{1}}, .workers = 1};
}

Trial TrialOf(int64_t id, TrialState state, const std::string& reason = "") {
  Trial trial{.id = {id}, .task = {1}, .state = state, .reason = reason};
  trial.commitment.emplace();
  return trial;
}

TEST(ExplainTest, ItIsNeverEmpty) {
  EXPECT_THAT(ReasonsOf(Busy()), ElementsAre("ALL_WELL"));
  EXPECT_THAT(ReasonsOf({}), ElementsAre("NO_WORKER", "NO_OPEN_TASK"));
}

TEST(ExplainTest, WhatMattersMostComesFirst) {
  MinerRecords records = Busy();
  records.account.state = AccountState::kSuspended;
  records.trials = {TrialOf(1, TrialState::kAccepted),
                    TrialOf(2, TrialState::kRejected, "CREDIT_VOID"),
                    TrialOf(3, TrialState::kRejected, "CREDIT_VOID"),
                    TrialOf(4, TrialState::kRejected, "SEGMENT_FALSE"),
                    TrialOf(5, TrialState::kRejected, "SOMETHING_NEW"),
                    TrialOf(6, TrialState::kCommitted),
                    TrialOf(7, TrialState::kAbandoned)};
  const auto explained = Explain(PoolPolicy(), records);
  EXPECT_THAT(ReasonsOf(records),
              ElementsAre("ACCOUNT_SUSPENDED", "SEGMENT_FALSE", "CREDIT_VOID",
                          "SOMETHING_NEW", "IN_VERIFICATION", "NOT_MATURED",
                          "ABANDONED"));
  EXPECT_EQ(explained[2].count, 2);
  EXPECT_EQ(explained[2].example, TrialId{3});
}

TEST(ExplainTest, WhyWorkersGetNoWork) {
  MinerRecords records = Busy();
  records.refusals = {
      {"w1", "NO_VERIFIER", "no verifier works"},
      {"w2", "WORKER_NAME_IN_USE", "another machine works as w2"},
      {"w3", "NO_VERIFIER", "no verifier works"},
      {"w4", "SOMETHING_NEW", "so it is"},
      {"w5", "NO_OPEN_TASK", "no task is open"}};
  EXPECT_THAT(ReasonsOf(records), ElementsAre("NO_VERIFIER", "SOMETHING_NEW",
                                              "WORKER_NAME_IN_USE"));
  const auto explained = Explain(PoolPolicy(), records);
  EXPECT_EQ(explained[0].message,
            "w1 and 1 more got no work: no verifier works.");
  EXPECT_EQ(explained[2].message,
            "w2 got no work: another machine works as w2.");
  EXPECT_THAT(explained[2].advice, HasSubstr("--name of its own"));
}

TEST(ExplainTest, WhoseAnswersAreAwaited) {
  MinerRecords records = Busy();
  records.trials = {TrialOf(6, TrialState::kCommitted),
                    TrialOf(7, TrialState::kUploaded)};
  records.answerers = {
      {.session = {3}, .worker_name = "attic", .trials = 2, .newest = {7}}};
  EXPECT_THAT(ReasonsOf(records),
              ElementsAre("ANSWER_AWAITED", "IN_VERIFICATION"));
  const Explanation one = Explain(PoolPolicy(), records)[0];
  EXPECT_THAT(one.message, HasSubstr("2 trials of worker attic (session-3)"));
  EXPECT_THAT(one.advice, HasSubstr("--name attic"));
  EXPECT_EQ(one.example, TrialId{7});
}

TEST(ExplainTest, WhyAMinerIsNotPaid) {
  MinerRecords records = Busy();
  records.balance = 5'500'000;
  EXPECT_THAT(ReasonsOf(records), ElementsAre("PAYOUT_ADDRESS_MISSING"));
  records.account.next_address = NextAddress{"addr", absl::InfiniteFuture()};
  EXPECT_THAT(ReasonsOf(records), ElementsAre("PAYOUT_ADDRESS_WAITS"));
  records.account.next_address.reset();
  records.account.payout_address = "addr";
  EXPECT_THAT(ReasonsOf(records), ElementsAre("PAYOUT_NOT_ASKED_FOR"));
  records.account.payout_threshold = 10'000'000;
  EXPECT_THAT(ReasonsOf(records), ElementsAre("UNDER_THRESHOLD"));
  EXPECT_THAT(Explain(PoolPolicy(), records)[0].message,
              HasSubstr("5.5 coins"));
  records.balance = 10;
  EXPECT_THAT(ReasonsOf(records), ElementsAre("UNDER_MINIMUM"));
  records.payouts = {Payout{.state = PayoutState::kUnknown},
                     Payout{.state = PayoutState::kRefused},
                     Payout{.state = PayoutState::kSent},
                     Payout{.state = PayoutState::kSettled}};
  EXPECT_THAT(ReasonsOf(records),
              ElementsAre("PAYOUT_REFUSED", "PAYOUT_UNKNOWN",
                          "PAYOUT_UNDER_WAY", "UNDER_MINIMUM"));
}

TEST(ExplainTest, WhereCreditIsOnItsWay) {
  MinerRecords records = Busy();
  Trial trial = TrialOf(1, TrialState::kAccepted);
  VerdictIn(trial).is_matured = true;
  records.trials = {trial};
  EXPECT_THAT(ReasonsOf(records), ElementsAre("TASK_NOT_ENDED"));
  records.unsettled = {TaskId{2}};
  EXPECT_THAT(ReasonsOf(records), ElementsAre("ALL_WELL"))
      << "its share of a pot that has ended came to nothing";
  SetSettlement(records.trials[0], {.pay = 5});
  records.owed = 5;
  records.account.id = {1};
  records.account.split = {{AccountId{1}, 900'000}, {AccountId{2}, 100'000}};
  EXPECT_THAT(ReasonsOf(records), ElementsAre("OWED", "SHARED"));
  records.owed = 0;
  records.account.split = {{AccountId{1}, 1'000'000}};
  EXPECT_THAT(ReasonsOf(records), ElementsAre("ALL_WELL"));
}

// Whose whole account is away must know that nothing is lost yet, and for how
// long.
TEST(ExplainTest, HowLongThePoolWaitsForWhoIsAway) {
  MinerRecords records = Busy();
  records.trials = {TrialOf(1, TrialState::kCommitted)};
  SilentAnswerer attic;
  attic.worker_name = "attic";
  attic.trials = 1;
  records.answerers = {attic};
  const auto message = [&] {
    return Explain(PoolPolicy(), records)[0].message;
  };
  EXPECT_THAT(message(), testing::Not(HasSubstr("waits up to")));
  records.answerers[0].waits = absl::Hours(23) + absl::Seconds(90);
  EXPECT_THAT(message(), HasSubstr("waits up to 23h1m longer"));
  records.answerers[0].waits = absl::Seconds(3);
  EXPECT_THAT(message(), HasSubstr("waits up to 1m longer"));
}

// Of every reason that the pool rejects for, a miner learns what to do.
TEST(ExplainTest, EveryRejectionHasItsAdvice) {
  for (const char* reason :
       {"CLAIM_FALSE", "SEGMENT_FALSE", "START_FALSE", "TRAINING_FALSE",
        "UNVERIFIABLE", "AUDIT_UNANSWERED", "MINER_AWAY", "CREDIT_VOID",
        "WEIGHTS_MISSING", "NOT_LEARNT", "UNVERIFIED", "VOIDED_BY_OPERATOR"}) {
    MinerRecords records = Busy();
    records.trials = {TrialOf(1, TrialState::kRejected, reason)};
    const auto explained = Explain(PoolPolicy(), records);
    EXPECT_EQ(explained[0].reason, reason);
    EXPECT_THAT(explained[0].message, testing::Not(HasSubstr("verifier says")));
  }
}

}  // namespace
}  // namespace archpool
