// SPDX-License-Identifier: Apache-2.0
// What a lost pool paid, in the books of the one that was restored: once, and
// before anything else is paid.
#include "server/payout/restored_payouts.h"

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/base/steady_clock.h"
#include "common/model/payout_batch.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/payout/payer.h"
#include "server/storage/memory_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

// Answers what it is told to.
class ListingRail : public Rail {
 public:
  std::vector<RailAnswer> Send(absl::Span<const Payout> payouts) override {
    for (const Payout& payout : payouts) sent.insert(payout.key);
    return std::vector<RailAnswer>(payouts.size(),
                                   {RailWord::kSettled, "sent", ""});
  }
  RailAnswer LookUp(const Payout&) override {
    return {RailWord::kNeverSeen, "", ""};
  }
  absl::StatusOr<RailList> ListSince(absl::Time time) override {
    since = time;
    return list;
  }

  absl::StatusOr<RailList> list = RailList();
  std::set<Digest> sent;
  absl::Time since;
};

class RestoredPayoutsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(engine_.Start(), IsOk());
    alice_ =
        engine_.Call(CreateAccount{"alice", Role::kMiner, Sha256("a")})->id;
    ASSERT_THAT(engine_.Call(Deposit{"alice", 10 * kAmountPerCoin, "gift"}),
                IsOk());
    ASSERT_THAT(engine_.Call(SetPayoutTerms{alice_, "addr", 0}), IsOk());
  }
  static RailPayout Paid(const std::string& key, Amount amount,
                         RailWord word = RailWord::kSettled) {
    return {.key = Sha256(key),
            .address = "addr",
            .amount = amount,
            .account = {},
            .answer = {word, word == RailWord::kSettled ? "tx" : "", ""}};
  }
  void Say(const std::string& text) {
    std::ofstream(directory_.path() + "/" + kPaidSinceBackup) << text;
  }
  bool Settle() {
    RestoredPayouts restored(
        clock_, engine_, rail_,
        {.folder = directory_.path(),
         .snapshot_time = absl::FromUnixSeconds(1'700'000'000),
         .find_known =
             [this](const std::vector<Digest>& keys) { return Known(keys); },
         .end =
             [this] {
               ++ends_;
               return absl::OkStatus();
             }});
    return restored.Settle();
  }
  absl::StatusOr<std::set<Digest>> Known(const std::vector<Digest>& keys) {
    std::set<Digest> known;
    const auto payouts = store_.Payouts({.limit = 1'000});
    for (const Payout& payout : *payouts) {
      for (const Digest& key : keys) {
        const std::string hex = key.ToString().substr(0, 32);
        const bool is_by_hand =
            payout.reason.size() == 40 &&
            absl::EqualsIgnoreCase(payout.reason.substr(8), hex);
        if (payout.key == key || is_by_hand) known.insert(key);
      }
    }
    return known;
  }
  Amount Balance(Place place) {
    const auto balances = store_.Balances({.limit = 1'000});
    for (const auto& balance : *balances) {
      if (balance.place == place) return balance.amount;
    }
    return 0;
  }
  void ExpectBooksInOrder() {
    EXPECT_THAT(store_.CheckLedger()->violations, testing::IsEmpty());
  }

  SteadyClock clock_;
  MemoryStore store_;
  Engine engine_{clock_, store_, PoolPolicy(), EngineOptions()};
  ListingRail rail_;
  const TemporaryDirectory directory_;
  AccountId alice_;
  int ends_ = 0;
};

TEST_F(RestoredPayoutsTest, WhatTheRailPaidIsTakenFromTheBalanceOnce) {
  rail_.list = RailList{{Paid("k1", 4 * kAmountPerCoin)}, true};
  EXPECT_TRUE(Settle());
  EXPECT_TRUE(Settle()) << "as after a death before the hold ended";
  EXPECT_EQ(Balance(Place::Of(alice_)), 6 * kAmountPerCoin);
  EXPECT_EQ(Balance(Place::Payouts()), 0);
  EXPECT_EQ(store_.Payouts({.limit = 10})->size(), 1U);
  EXPECT_EQ(ends_, 2);
  EXPECT_LT(rail_.since, absl::FromUnixSeconds(1'700'000'000));
  ExpectBooksInOrder();
}

// Earned from work that is lost as well: no account falls below nothing.
TEST_F(RestoredPayoutsTest, WhatTheBalanceLacksComesFromOutside) {
  rail_.list = RailList{{Paid("k1", 25 * kAmountPerCoin)}, true};
  EXPECT_TRUE(Settle());
  EXPECT_EQ(Balance(Place::Of(alice_)), 0);
  EXPECT_EQ(Balance(Place::Outside()), 0) << "15 came in, and 25 went out";
  ExpectBooksInOrder();
}

// It asks for its money before the rail could be asked what became of it.
TEST_F(RestoredPayoutsTest, MoneyThatWasPaidIsNotAskedForAgain) {
  ASSERT_THAT(engine_.Call(RequestPayout{alice_, 3 * kAmountPerCoin, "r1"}),
              IsOk());
  ASSERT_THAT(engine_.Call(RequestPayout{alice_, 6 * kAmountPerCoin, "r2"}),
              IsOk());
  rail_.list = RailList{{Paid("k1", 7 * kAmountPerCoin)}, true};
  EXPECT_TRUE(Settle());
  EXPECT_EQ(Balance(Place::Of(alice_)), 0);
  EXPECT_EQ(Balance(Place::Payouts()), 3 * kAmountPerCoin)
      << "what the balance suffices for stays";
  EXPECT_EQ(Balance(Place::Outside()), -3 * kAmountPerCoin)
      << "nothing came in";
  ExpectBooksInOrder();
}

TEST_F(RestoredPayoutsTest, WhatTheRailHasNotDecidedStaysOpen) {
  rail_.list = RailList{{Paid("k1", kAmountPerCoin, RailWord::kSent),
                         Paid("k2", kAmountPerCoin, RailWord::kDoubt),
                         Paid("k3", kAmountPerCoin, RailWord::kRefused)},
                        true};
  EXPECT_TRUE(Settle());
  EXPECT_EQ(Balance(Place::Payouts()), 2 * kAmountPerCoin);
  EXPECT_EQ(Balance(Place::Of(alice_)), 8 * kAmountPerCoin)
      << "what was refused is where it was";
  ExpectBooksInOrder();
}

TEST_F(RestoredPayoutsTest, NothingIsSentUntilItIsSettled) {
  ASSERT_THAT(engine_.Call(RequestPayout{alice_, kAmountPerCoin, "r"}), IsOk());
  bool may_begin = false;
  PayerOptions options;
  options.may_begin = [&may_begin] { return may_begin; };
  Payer payer(clock_, engine_, rail_, options);
  ASSERT_THAT(payer.Round(), IsOk());
  EXPECT_TRUE(rail_.sent.empty());
  may_begin = true;
  ASSERT_THAT(payer.Round(), IsOk());
  EXPECT_EQ(rail_.sent.size(), 1U);
}

TEST_F(RestoredPayoutsTest, ARailThatCannotListWaitsForTheOperator) {
  EXPECT_FALSE(Settle());
  rail_.list = absl::UnavailableError("away");
  Say("[]");
  EXPECT_FALSE(Settle()) << "it may tell what the operator does not know";
  rail_.list = RailList();
  Say("[{]");
  EXPECT_FALSE(Settle());
  EXPECT_EQ(ends_, 0);
  Say("[]");
  EXPECT_TRUE(Settle());
}

TEST_F(RestoredPayoutsTest, WhatWasPaidByHandIsBooked) {
  Say(R"([{"account": "alice", "address": "bank 7", "coins": "2.5",
           "reference": "order-1"},
          {"account": "alice", "address": "bank 7", "coins": "2.5",
           "reference": "order-1"}])");
  EXPECT_TRUE(Settle());
  EXPECT_TRUE(Settle());
  EXPECT_EQ(Balance(Place::Of(alice_)), 5 * kAmountPerCoin)
      << "two of the same are two";
  ExpectBooksInOrder();
}

// An account that is lost too stops the rest for nobody, and takes no money
// twice once its entry is out of the list.
TEST_F(RestoredPayoutsTest, AListThatIsCorrectedBooksNothingAgain) {
  const std::string lost = R"({"account": "gone", "address": "bank 1",
                               "coins": "1", "reference": "order-0"})";
  const std::string ours = R"({"account": "alice", "address": "bank 7",
                               "coins": "2.5", "reference": "order-1"})";
  Say("[" + lost + "," + ours + "]");
  EXPECT_FALSE(Settle());
  EXPECT_EQ(Balance(Place::Of(alice_)), 7'500'000);
  Say("[" + ours + "]");
  EXPECT_TRUE(Settle());
  EXPECT_EQ(Balance(Place::Of(alice_)), 7'500'000);
  ExpectBooksInOrder();
}

// An empty account with a rich one's address would be paid in its place, and
// the rich one again.
TEST_F(RestoredPayoutsTest, AnAddressThatTwoHaveTellsOfNeither) {
  const AccountId bob =
      engine_.Call(CreateAccount{"bob", Role::kMiner, Sha256("b")})->id;
  ASSERT_THAT(engine_.Call(SetPayoutTerms{bob, "addr", 0}), IsOk());
  rail_.list = RailList{{Paid("k1", 4 * kAmountPerCoin)}, true};
  EXPECT_FALSE(Settle());
  EXPECT_EQ(Balance(Place::Of(alice_)), 10 * kAmountPerCoin);
  Say("[{\"key\": \"" + Sha256("k1").ToString() +
      "\", \"account\": \"alice\"}]");
  EXPECT_TRUE(Settle());
  EXPECT_EQ(Balance(Place::Of(alice_)), 6 * kAmountPerCoin);
  ExpectBooksInOrder();
}

// Its batch is lost, and the operator knows no key.
TEST_F(RestoredPayoutsTest, APaymentByHandEndsThePayoutThatItWasFor) {
  ASSERT_THAT(engine_.Call(RequestPayout{alice_, 3 * kAmountPerCoin, "r"}),
              IsOk());
  ASSERT_THAT(engine_.Call(BeginSends{1}), IsOk());
  ASSERT_THAT(engine_.Call(DoubtSends{}), IsOk());
  Say(R"([{"account": "alice", "address": "addr", "coins": "3",
           "reference": "order-1"}])");
  EXPECT_TRUE(Settle());
  EXPECT_TRUE(Settle());
  EXPECT_EQ(Balance(Place::Of(alice_)), 7 * kAmountPerCoin);
  EXPECT_EQ(Balance(Place::Payouts()), 0);
  const auto payouts = store_.Payouts({.limit = 10});
  ASSERT_EQ(payouts->size(), 1U);
  EXPECT_EQ(payouts->front().state, PayoutState::kSettled);
  ExpectBooksInOrder();
}

TEST_F(RestoredPayoutsTest, WhoseItWasIsAskedWhereNobodyIsPaidThere) {
  RailPayout stranger = Paid("k1", kAmountPerCoin);
  stranger.address = "elsewhere";
  rail_.list = RailList{{stranger, Paid("k2", kAmountPerCoin)}, true};
  EXPECT_FALSE(Settle());
  EXPECT_EQ(Balance(Place::Of(alice_)), 9 * kAmountPerCoin)
      << "the other one is booked";
  Say("[{\"key\": \"" + Sha256("k1").ToString() + "\", \"account\": \"\"}]");
  EXPECT_TRUE(Settle()) << "an account that is lost too";
  EXPECT_EQ(Balance(Place::Of(alice_)), 9 * kAmountPerCoin);
  Say("[{\"key\": \"" + Sha256("k1").ToString() +
      "\", \"account\": \"alice\"}]");
  EXPECT_TRUE(Settle());
  EXPECT_EQ(Balance(Place::Of(alice_)), 8 * kAmountPerCoin);
  ExpectBooksInOrder();
}

TEST(PaidByHandTest, EntriesThatAreNoneAreNamed) {
  EXPECT_THAT(ParsePaidByHand("{}"), FailsWith("PAID_MALFORMED"));
  EXPECT_THAT(ParsePaidByHand(""), FailsWith("PAID_MALFORMED"));
  const std::string good =
      R"({"account": "a", "address": "b", "coins": "1", "reference": "c"})";
  EXPECT_EQ(ParsePaidByHand("[" + good + "]")->payments.size(), 1U);
  for (const char* bad :
       {R"({"address": "b", "coins": "1", "reference": "c"})",
        R"({"account": "", "address": "b", "coins": "1", "reference": "c"})",
        R"({"account": "a", "address": "", "coins": "1", "reference": "c"})",
        R"({"account": "a", "address": "b\u0000", "coins": "1",
            "reference": "c"})",
        R"({"account": "a", "address": "b", "coins": 1, "reference": "c"})",
        R"({"account": "a", "address": "b", "coins": "0", "reference": "c"})",
        R"({"account": "a", "address": "b", "coins": "1"})",
        R"({"account": "a", "key": "1"})", R"([])"}) {
    const auto parsed = ParsePaidByHand("[" + good + "," + bad + "]");
    EXPECT_THAT(parsed, FailsWith("PAID_MALFORMED")) << bad;
    EXPECT_THAT(std::string(parsed.status().message()),
                testing::HasSubstr("entry 2"));
  }
}

}  // namespace
}  // namespace archpool
