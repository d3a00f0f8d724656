// SPDX-License-Identifier: Apache-2.0
// A folder of receipts is believed as it was signed, and as it adds up.
#include "common/model/receipt_check.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/sign_receipts.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr AccountId kMiner{2};

// A pool that signs whatever it is told to: an honest history to begin with, of
// two accepted trials of 3 and 4 units at 10 coins a unit, a rejected one, a
// payout that settled and one that came back.
class Signer {
 public:
  Signer() {
    Verdict(1, 3, true);
    Verdict(2, 4, true);
    Verdict(3, 9, false);
    Credit(1, 3);
    Credit(2, 4);
    Add(ShareReceipt{{1}, {}, "proportional", 1000, 5, 7, 100, 70});
    Add(ShareReceipt{{1}, {2}, "finders_bonus", 50, 1, 1, 3, 17});
    Transfer("escrow:task-1", "account:2", 70, "pay", {1});
    Transfer("escrow:task-1", "account:2", 17, "finders_bonus", {1});
    Payout(1, 50, "waiting");
    Transfer("account:2", "payouts", 50, "payout", {}, {1});
    Transfer("payouts", "outside", 50, "settle", {}, {1});
    Payout(1, 50, "settled");
    Payout(2, 30, "waiting");
    Transfer("account:2", "payouts", 30, "payout", {}, {2});
    Transfer("payouts", "account:2", 30, "return", {}, {2});
    Payout(2, 30, "refused");
    balance = 37;
  }

  void Add(ReceiptBody body) { bodies.push_back(std::move(body)); }
  void Verdict(int64_t trial, WorkUnits units, bool is_accepted) {
    Add(VerdictReceipt{.trial = {trial},
                       .task = {1},
                       .work_units = units,
                       .is_accepted = is_accepted,
                       .basis = "audited",
                       .reason = is_accepted ? "" : "SEGMENT_FALSE",
                       .rule = "proportional",
                       .work_pot = 1000,
                       .budget_units = 100,
                       .deadline = absl::UnixEpoch()});
  }
  void Credit(int64_t trial, WorkUnits units) {
    Add(CreditReceipt{{trial}, {1}, units});
  }
  void Transfer(const std::string& from, const std::string& to, Amount amount,
                const std::string& kind, TaskId task, PayoutId payout = {}) {
    Add(TransferReceipt{{++transfers_},
                        from,
                        to,
                        amount,
                        kind,
                        task,
                        payout,
                        absl::UnixEpoch()});
  }
  void Payout(int64_t id, Amount amount, const std::string& state) {
    Add(PayoutReceipt{{id}, amount, "addr", Sha256("key"), state, "tx", ""});
  }

  ReceiptFolder Sign() const {
    std::vector<std::string> encodings;
    for (const ReceiptBody& body : bodies) {
      const ReceiptId id{std::ssize(encodings) * 2 + 1};
      encodings.push_back(Encode(ReceiptContent{id, kMiner, body}));
    }
    return SignReceipts(key, kMiner, encodings, balance);
  }
  std::vector<std::string> Problems() const {
    const auto report = CheckReceipts(Sign(), key.public_key());
    return report.ok() ? report->problems
                       : std::vector<std::string>{report.status().ToString()};
  }

  SigningKey key = SigningKey::Generate();
  std::vector<ReceiptBody> bodies;
  Amount balance = 0;

 private:
  int64_t transfers_ = 0;
};

TEST(ReceiptCheckTest, AnHonestHistoryAddsUp) {
  const Signer signer;
  const auto report = CheckReceipts(signer.Sign(), signer.key.public_key());
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->problems, IsEmpty());
  EXPECT_EQ(report->account, kMiner);
  EXPECT_EQ(report->seal, 2);
  EXPECT_EQ(report->balance, 37);
  const TaskReceipts& task = report->tasks.at(TaskId{1});
  EXPECT_EQ(task.accepted, 2);
  EXPECT_EQ(task.rejected, 1);
  EXPECT_EQ(task.units_credited, 7);
  EXPECT_EQ(task.pay, 70);
  EXPECT_EQ(task.bonus, 17);
  EXPECT_TRUE(task.is_settled);
  EXPECT_EQ(report->moved_out.at("payout"), 80);
}

// Whatever bit anybody changes, wherever.
TEST(ReceiptCheckTest, EveryBitCounts) {
  const Signer signer;
  const ReceiptFolder honest = signer.Sign();
  for (std::string ReceiptFolder::*file :
       {&ReceiptFolder::seals, &ReceiptFolder::statement,
        &ReceiptFolder::receipts}) {
    for (size_t i = 0; i < (honest.*file).size(); ++i) {
      ReceiptFolder changed = honest;
      (changed.*file)[i] = static_cast<char>((changed.*file)[i] ^ (1 << i % 8));
      ASSERT_FALSE(CheckReceipts(changed, signer.key.public_key()).ok()) << i;
      changed.*file = (honest.*file).substr(0, i);
      ASSERT_FALSE(CheckReceipts(changed, signer.key.public_key()).ok()) << i;
    }
    ReceiptFolder longer = honest;
    longer.*file += '\0';
    EXPECT_FALSE(CheckReceipts(longer, signer.key.public_key()).ok());
  }
}

TEST(ReceiptCheckTest, NothingIsLeftOutExchangedOrOld) {
  const Signer signer;
  const PublicKey key = signer.key.public_key();
  const ReceiptFolder honest = signer.Sign();
  const auto receipts = *DecodeReceipts(honest.receipts);
  for (size_t i = 0; i < receipts.size(); ++i) {
    auto fewer = receipts;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_THAT(
        CheckReceipts({honest.seals, honest.statement, EncodeReceipts(fewer)},
                      key),
        FailsWith("RECEIPTS_FORGED"));
    auto swapped = receipts;
    std::swap(swapped[i], swapped[(i + 1) % receipts.size()]);
    EXPECT_THAT(
        CheckReceipts({honest.seals, honest.statement, EncodeReceipts(swapped)},
                      key),
        FailsWith("RECEIPTS_FORGED"));
  }
  auto seals = *DecodeSeals(honest.seals);
  seals.pop_back();
  EXPECT_THAT(CheckReceipts(
                  {EncodeSeals(seals), honest.statement, honest.receipts}, key),
              FailsWith("RECEIPTS_FORGED"));
  EXPECT_THAT(CheckReceipts(honest, SigningKey::Generate().public_key()),
              FailsWith("RECEIPTS_FORGED"));
}

// A pool that signs what does not add up is told so.
TEST(ReceiptCheckTest, WhatAPoolGetsWrongIsNamed) {
  const auto problems = [](const auto& change) {
    Signer signer;
    change(signer);
    return signer.Problems();
  };
  EXPECT_THAT(
      problems([](Signer& s) { s.balance = 36; }),
      ElementsAre("the pool states a balance of 0.000036, the receipts make "
                  "0.000037"));
  EXPECT_THAT(problems([](Signer& s) {
                s.Verdict(4, 5, true);
                s.Credit(4, 5);
              }),
              ElementsAre("task-1 paid for 7 work units, and credited 12"));
  EXPECT_THAT(problems([](Signer& s) { s.Verdict(2, 4, false); }),
              ElementsAre("task-1 paid for 7 work units, and credited 3"));
  EXPECT_THAT(problems([](Signer& s) {
                std::get<ShareReceipt>(s.bodies[5]).amount = 69;
              }),
              testing::Contains(HasSubstr("not what it is made of")));
  EXPECT_THAT(problems([](Signer& s) {
                auto& share = std::get<ShareReceipt>(s.bodies[5]);
                share.pot = 900;
                share.amount = 63;
              }),
              testing::Contains(HasSubstr("another price")));
  EXPECT_THAT(problems([](Signer& s) {
                std::get<TransferReceipt>(s.bodies[7]).amount = 60;
                s.balance = 27;
              }),
              testing::Contains("task-1 paid 0.00006, its shares say 0.00007"));
  EXPECT_THAT(
      problems([](Signer& s) { s.Payout(1, 50, "refused"); }),
      ElementsAre(HasSubstr("payout-1 of 0.00005 is refused, and moved")));
  EXPECT_THAT(problems([](Signer& s) {
                s.Transfer("account:2", "account:3", 38, "share", {});
                s.balance = -1;
              }),
              ElementsAre(HasSubstr("falls below 0")));
  EXPECT_THAT(problems([](Signer& s) { s.Credit(9, 1); }),
              testing::Contains("trial-9 is credited without a verdict"));
}

// What a pool that cheats might sign, and think that nobody adds up.
TEST(ReceiptCheckTest, NoPoolKeepsWhatIsTheMiners) {
  const auto problems = [](const auto& change) {
    Signer signer;
    change(signer);
    return signer.Problems();
  };
  const auto transfer = [](Signer& s, size_t i) -> TransferReceipt& {
    return std::get<TransferReceipt>(s.bodies[i]);
  };
  // A refused payout that comes back to somebody else.
  EXPECT_THAT(problems([&](Signer& s) {
                transfer(s, 15).to = "account:9";
                s.balance = 7;
              }),
              testing::Contains(HasSubstr("no movement that a pool makes")));
  // Money that goes out under no payout, or as something else.
  for (const std::pair<const char*, const char*>& way :
       {std::pair("payouts", "payout"), std::pair("fees", "fee"),
        std::pair("escrow:task-1", "pay"), std::pair("outside", "gift")}) {
    EXPECT_THAT(problems([&](Signer& s) {
                  s.Transfer("account:2", way.first, 5, way.second, {1});
                  s.balance = 32;
                }),
                testing::Contains(HasSubstr("no movement that a pool makes")));
  }
  for (const Amount amount : {Amount{-5}, Amount{5}}) {
    EXPECT_THAT(problems([&](Signer& s) {
                  s.Add(CarriedReceipt{1});
                  s.Add(CarriedReceipt{amount});
                  s.balance = 38 + amount;
                }),
                ElementsAre(HasSubstr("carried over wrongly")));
  }
  // A payout that went elsewhere.
  EXPECT_THAT(problems([&](Signer& s) {
                std::get<PayoutReceipt>(s.bodies[12]).address = "thief";
              }),
              testing::Contains("payout-1 became another payout"));
  // Accepted and never credited, where the task has paid.
  EXPECT_THAT(problems([&](Signer& s) { s.Verdict(4, 5, true); }),
              ElementsAre(HasSubstr("less than it accepted")));
  // Less work than was accepted before.
  EXPECT_THAT(problems([&](Signer& s) { s.Verdict(2, 1, true); }),
              testing::Contains("trial-2 became another trial"));
  // A rule that nobody knows, or another one than the task's.
  EXPECT_THAT(problems([&](Signer& s) {
                std::get<VerdictReceipt>(s.bodies[0]).rule = "later";
              }),
              testing::Contains("trial-1 has no price"));
  EXPECT_THAT(problems([&](Signer& s) {
                s.Add(ShareReceipt{{1}, {}, "pplns", 10, 0, 1, 10, 1});
                s.Transfer("escrow:task-1", "account:2", 1, "pay", {1});
                s.balance = 38;
              }),
              testing::Contains("task-1 paid by the rule pplns, not by its "
                                "own"));
}

TEST(ReceiptCheckTest, WhatIsOwedThroughTheWindowIsKnown) {
  Signer signer;
  signer.Add(VerdictReceipt{.trial = {7},
                            .task = {2},
                            .work_units = 10,
                            .is_accepted = true,
                            .basis = "sampled_out",
                            .rule = "pplns",
                            .work_pot = 900,
                            .budget_units = 100});
  signer.Add(CreditReceipt{{7}, {2}, 10});
  signer.Add(ShareReceipt{{3}, {}, "pplns", 40, 0, 90, 100, 36});
  signer.Transfer("escrow:task-3", "account:2", 36, "pay", {3});
  signer.balance += 36;
  const auto report = CheckReceipts(signer.Sign(), signer.key.public_key());
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->problems, IsEmpty());
  EXPECT_EQ(report->owed, 90 - 36);
}

// From before there were receipts: a balance, and a payout under way.
TEST(ReceiptCheckTest, WhatWasBeforeIsCarriedOver) {
  Signer signer;
  signer.bodies.clear();
  signer.Add(CarriedReceipt{9});
  signer.Payout(1, 50, kPayoutCarried);
  signer.Transfer("payouts", "account:2", 50, "return", {}, {1});
  signer.Payout(1, 50, "refused");
  signer.balance = 59;
  EXPECT_THAT(signer.Problems(), IsEmpty());
}

TEST(ReceiptCheckTest, ATaskThatDoesNotEndInTimeIsNoticed) {
  Signer signer;
  signer.bodies.erase(signer.bodies.begin() + 5, signer.bodies.end());
  signer.balance = 0;
  const auto report = CheckReceipts(signer.Sign(), signer.key.public_key());
  ASSERT_THAT(report, IsOk());
  EXPECT_TRUE(report->tasks.at(TaskId{1}).is_overdue);
  // Nor is it enough never to credit.
  signer.bodies.erase(signer.bodies.begin() + 3, signer.bodies.end());
  EXPECT_TRUE(CheckReceipts(signer.Sign(), signer.key.public_key())
                  ->tasks.at(TaskId{1})
                  .is_overdue);
}

}  // namespace
}  // namespace archpool
