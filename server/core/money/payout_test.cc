// SPDX-License-Identifier: Apache-2.0
// Money that leaves the pool: never twice, never lost.
#include <optional>
#include <string>
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

class PayoutTest : public ::testing::Test {
 protected:
  explicit PayoutTest(const PoolPolicy& policy = AuditEverything())
      : pool(policy), alice(pool.Make("alice", Role::kMiner)) {
    pool.Do(Deposit{"alice", 10 * kAmountPerCoin, "gift"});
    outside = Balance(Place::Outside());
  }
  Amount Balance(Place place) {
    return pool.pool.state().money().BalanceOf(place);
  }
  PayoutId Request(Amount amount, const std::string& id = "r1") {
    return pool.Do(RequestPayout{alice, amount, id});
  }
  Payout Send(PayoutId id) {
    const std::vector<Payout> begun = pool.Do(BeginSends{10});
    EXPECT_EQ(begun.size(), 1u);
    EXPECT_EQ(begun.at(0).id, id);
    return begun.at(0);
  }

  TestPool pool;
  AccountId alice;
  Amount outside = 0;
};

TEST_F(PayoutTest, MoneyIsSetAsideThenSettled) {
  pool.Do(SetPayoutTerms{alice, "addr", 0});
  const PayoutId id = Request(4 * kAmountPerCoin);
  EXPECT_EQ(Balance(Place::Of(alice)), 6 * kAmountPerCoin);
  EXPECT_EQ(Balance(Place::Payouts()), 4 * kAmountPerCoin);
  EXPECT_EQ(Request(4 * kAmountPerCoin), id) << "the same request";
  const Payout sent = Send(id);
  EXPECT_EQ(sent.attempt, 1);
  EXPECT_EQ(sent.address, "addr");
  EXPECT_TRUE(pool.Do(BeginSends{10}).empty()) << "once";
  EXPECT_EQ(pool.Do(ReportPayout{id, RailWord::kSettled, "tx-1", ""}),
            PayoutState::kSettled);
  EXPECT_EQ(Balance(Place::Payouts()), 0);
  EXPECT_EQ(Balance(Place::Outside()), outside + 4 * kAmountPerCoin);
  EXPECT_THAT(pool.Try(ReportPayout{id, RailWord::kRefused, "", "NO"}),
              FailsWith("PAYOUT_ENDED"));
  EXPECT_EQ(Balance(Place::Of(alice)), 6 * kAmountPerCoin);
  EXPECT_EQ(Request(4 * kAmountPerCoin), id) << "the same request, later";
}

TEST_F(PayoutTest, ASuspendedAccountMovesNothing) {
  pool.Do(SetPayoutTerms{alice, "addr", 0});
  pool.Do(SetShareConsent{pool.client, "alice", true});
  pool.Do(SetAccountState{"alice", AccountState::kSuspended});
  const Amount before = Balance(Place::Of(alice));
  EXPECT_THAT(pool.Try(RequestPayout{alice, 0, "r"}),
              FailsWith("ACCOUNT_SUSPENDED"));
  EXPECT_THAT(pool.Try(SetPayoutTerms{alice, "elsewhere", 0}),
              FailsWith("ACCOUNT_SUSPENDED"));
  EXPECT_THAT(pool.Try(SetRevenueSplit{
                  alice, {{"alice", 900'000}, {"client", 100'000}}}),
              FailsWith("ACCOUNT_SUSPENDED"));
  EXPECT_EQ(Balance(Place::Of(alice)), before);
  pool.Do(SetAccountState{"alice", AccountState::kActive});
  EXPECT_TRUE(pool.Try(RequestPayout{alice, 0, "r"}).ok());
}

// Set aside already, and not sent.
TEST_F(PayoutTest, WhatASuspendedAccountAskedForWaits) {
  pool.Do(SetPayoutTerms{alice, "addr", 0});
  const PayoutId id = Request(4 * kAmountPerCoin);
  const AccountId bob = pool.Make("bob", Role::kMiner);
  pool.Do(Deposit{"bob", 10 * kAmountPerCoin, "bobs-gift"});
  pool.Do(SetPayoutTerms{bob, "bobs", 0});
  const PayoutId bobs = pool.Do(RequestPayout{bob, 0, "r"});
  pool.Do(SetAccountState{"alice", AccountState::kSuspended});
  const auto begun = pool.Do(BeginSends{1});
  ASSERT_EQ(begun.size(), 1u) << "nobody waits behind it";
  EXPECT_EQ(begun[0].id, bobs);
  EXPECT_TRUE(pool.Do(BeginSends{10}).empty());
  EXPECT_EQ(Balance(Place::Payouts()), 14 * kAmountPerCoin);
  // What a rail has it has.
  EXPECT_EQ(pool.Do(ReportPayout{bobs, RailWord::kSent, "tx", ""}),
            PayoutState::kSent);
  pool.Do(SetAccountState{"bob", AccountState::kSuspended});
  EXPECT_EQ(pool.Do(ReportPayout{bobs, RailWord::kSettled, "tx", ""}),
            PayoutState::kSettled);
  pool.Do(SetAccountState{"alice", AccountState::kActive});
  Send(id);
}

TEST_F(PayoutTest, ASuspendedAccountIsNotPaidByItself) {
  pool.Do(SetPayoutTerms{alice, "addr", 0});
  pool.Do(SetAccountState{"alice", AccountState::kSuspended});
  // Within its terms as they are, nothing changes, and nothing is paid.
  pool.Do(SetPayoutTerms{alice, "addr", std::nullopt});
  EXPECT_EQ(Balance(Place::Payouts()), 0);
}

TEST_F(PayoutTest, ASuspendedClientOpensNoTask) {
  pool.Do(SetAccountState{"client", AccountState::kSuspended});
  const Amount before = Balance(Place::Of(pool.client));
  const SubmitTask submit{pool.client, TinySpec(4), "r", Sha256("secret")};
  EXPECT_THAT(pool.Try(submit), FailsWith("ACCOUNT_SUSPENDED"));
  SubmitTask check = submit;
  check.only_check = TinyManifest();
  EXPECT_THAT(pool.Try(check), FailsWith("ACCOUNT_SUSPENDED"));
  EXPECT_EQ(Balance(Place::Of(pool.client)), before);
  pool.Do(SetAccountState{"client", AccountState::kActive});
  const TaskId task = pool.Do(submit);
  // What it opened before goes its way, and may be cancelled.
  pool.Do(SetAccountState{"client", AccountState::kSuspended});
  EXPECT_EQ(pool.Do(submit), task) << "the same request";
  EXPECT_THAT(pool.Try(CancelTask{task, pool.client}), IsOk());
}

// What the account's receipts say of its address, the oldest first.
std::vector<AddressReceipt> AddressesIn(const std::vector<Event>& events,
                                        AccountId account) {
  std::vector<AddressReceipt> said;
  for (const Event& event : events) {
    const auto* receipt = std::get_if<Receipt>(&event);
    if (receipt == nullptr || receipt->account != account) continue;
    const auto content = DecodeReceipt(receipt->content);
    EXPECT_THAT(content, IsOk());
    const auto* body = std::get_if<AddressReceipt>(&content->body);
    if (body != nullptr) said.push_back(*body);
  }
  return said;
}

class PayoutAddressTest : public PayoutTest {
 protected:
  static constexpr absl::Duration kWait = absl::Hours(24);
  static PoolPolicy Waiting() {
    PoolPolicy policy = AuditEverything();
    policy.payout_address_wait = kWait;
    return policy;
  }
  PayoutAddressTest() : PayoutTest(Waiting()) { pool.pool.TakeEvents(); }

  Account Alice() { return *pool.pool.state().Find(alice); }
  std::vector<AddressReceipt> Said() {
    return AddressesIn(pool.pool.TakeEvents(), alice);
  }
  // The pool goes on, with nothing to do in it.
  void Sleep(absl::Duration duration) { pool.Advance(duration); }
};

TEST_F(PayoutAddressTest, ANewOneWaitsAndIsAnnounced) {
  const absl::Time end = pool.now + kWait;
  pool.Do(SetPayoutTerms{alice, "addr", 2 * kAmountPerCoin});
  EXPECT_THAT(Said(), ElementsAre(AddressReceipt{"addr", "waiting", end}));
  EXPECT_EQ(Alice().payout_address, "");
  EXPECT_THAT(pool.Try(RequestPayout{alice, 0, "r"}),
              FailsWith("PAYOUT_ADDRESS_WAITS"));
  EXPECT_EQ(Balance(Place::Payouts()), 0) << "by itself neither";
  // Asking again does not begin it anew.
  Sleep(kWait / 2);
  pool.Do(SetPayoutTerms{alice, "addr", std::nullopt});
  EXPECT_EQ(Alice().next_address->time, end);
  Sleep(kWait / 2 - absl::Seconds(1));
  EXPECT_EQ(Balance(Place::Payouts()), 0);
  EXPECT_TRUE(Said().empty());
  Sleep(absl::Seconds(1));
  EXPECT_EQ(Alice().payout_address, "addr");
  EXPECT_FALSE(Alice().next_address.has_value());
  EXPECT_EQ(Balance(Place::Payouts()), 10 * kAmountPerCoin);
  EXPECT_THAT(Said(), ElementsAre(AddressReceipt{"addr", "in_force", end}));
  EXPECT_EQ(pool.Do(BeginSends{10}).at(0).address, "addr");
}

TEST_F(PayoutAddressTest, ItsOwnerTakesItBack) {
  pool.Do(SetPayoutTerms{alice, "alices", 0});
  Sleep(kWait);
  pool.pool.TakeEvents();
  pool.Do(SetPayoutTerms{alice, "thiefs", 1 * kAmountPerCoin});
  EXPECT_EQ(Balance(Place::Payouts()), 0) << "nothing goes by itself now";
  const PayoutId id = pool.Do(RequestPayout{alice, kAmountPerCoin, "r"});
  EXPECT_EQ(pool.pool.state().Find(id)->address, "alices");
  pool.Do(SetPayoutTerms{alice, "alices", 0});
  EXPECT_FALSE(Alice().next_address.has_value());
  const auto said = Said();
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0].state, "waiting");
  EXPECT_EQ(said[1], (AddressReceipt{"thiefs", "taken_back", pool.now}));
  Sleep(2 * kWait);
  EXPECT_EQ(Alice().payout_address, "alices");
  EXPECT_TRUE(Said().empty());
  // Or stops all, at once.
  pool.Do(SetPayoutTerms{alice, "thiefs", std::nullopt});
  pool.Do(SetPayoutTerms{alice, "", std::nullopt});
  EXPECT_EQ(Alice().payout_address, "");
  EXPECT_FALSE(Alice().next_address.has_value());
  EXPECT_THAT(pool.Try(RequestPayout{alice, 0, "r2"}),
              FailsWith("PAYOUT_ADDRESS_MISSING"));
}

TEST_F(PayoutAddressTest, OneAMinuteAtMost) {
  pool.Do(SetPayoutTerms{alice, "a", 0});
  EXPECT_THAT(pool.Try(SetPayoutTerms{alice, "b", 0}),
              FailsWith("ADDRESS_TOO_OFTEN"));
  pool.Do(SetPayoutTerms{alice, "", 0});
  EXPECT_THAT(pool.Try(SetPayoutTerms{alice, "b", 0}),
              FailsWith("ADDRESS_TOO_OFTEN"))
      << "taking back is free, and makes no room";
  Sleep(absl::Minutes(1));
  pool.Do(SetPayoutTerms{alice, "b", 0});
  EXPECT_EQ(Alice().next_address->address, "b");
  EXPECT_EQ(Alice().next_address->time, pool.now + kWait);
}

// While the pool is away nobody can take back what a thief set.
TEST_F(PayoutAddressTest, ThePoolsTimeAwayIsAdded) {
  pool.Do(SetPayoutTerms{alice, "thiefs", 2 * kAmountPerCoin});
  pool.now += 2 * kWait;
  Sleep(absl::Minutes(1));
  EXPECT_EQ(Alice().payout_address, "");
  Sleep(kWait - absl::Minutes(2));
  EXPECT_EQ(Alice().payout_address, "");
  pool.Do(SetPayoutTerms{alice, "", 0});
  Sleep(2 * kWait);
  EXPECT_EQ(Alice().payout_address, "");
  EXPECT_EQ(Balance(Place::Payouts()), 0);
}

// And as long as before from then on: its owner could not take it back.
TEST_F(PayoutAddressTest, ASuspendedAccountsWaitsAgainOnceItIsReinstated) {
  pool.Do(SetPayoutTerms{alice, "addr", 2 * kAmountPerCoin});
  pool.Do(SetAccountState{"alice", AccountState::kSuspended});
  Sleep(2 * kWait);
  EXPECT_EQ(Alice().payout_address, "");
  EXPECT_EQ(Balance(Place::Payouts()), 0);
  pool.Do(SetAccountState{"alice", AccountState::kActive});
  Sleep(kWait - absl::Seconds(1));
  EXPECT_EQ(Alice().payout_address, "");
  Sleep(absl::Seconds(2));
  EXPECT_EQ(Alice().payout_address, "addr");
  EXPECT_EQ(Balance(Place::Payouts()), 10 * kAmountPerCoin);
}

TEST_F(PayoutTest, WhatTheRailRefusesComesBack) {
  pool.Do(SetPayoutTerms{alice, "addr", 0});
  const PayoutId id = Request(0);
  EXPECT_EQ(Balance(Place::Of(alice)), 0);
  Send(id);
  pool.Do(ReportPayout{id, RailWord::kRefused, "", "ADDRESS_UNKNOWN"});
  EXPECT_EQ(Balance(Place::Of(alice)), 10 * kAmountPerCoin);
  EXPECT_EQ(Balance(Place::Payouts()), 0);
}

// Between a send and its answer anything may stop.
TEST_F(PayoutTest, OnlyTheRailLeadsOutOfDoubt) {
  pool.Do(SetPayoutTerms{alice, "addr", 0});
  const PayoutId id = Request(0);
  const Digest key = Send(id).key;
  pool.Do(DoubtSends{});
  EXPECT_TRUE(pool.Do(BeginSends{10}).empty()) << "it may have been paid";
  const auto open = pool.Do(ReviewPayouts{});
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].state, PayoutState::kUnknown);
  pool.Do(ReportPayout{id, RailWord::kDoubt, "", "RAIL_UNREACHABLE"});
  EXPECT_TRUE(pool.Do(BeginSends{10}).empty());
  pool.Do(ReportPayout{id, RailWord::kNeverSeen, "", ""});
  const Payout again = Send(id);
  EXPECT_EQ(again.key, key) << "the rail must know it again";
  EXPECT_EQ(again.attempt, 2);
  pool.Do(ReportPayout{id, RailWord::kSent, "batch-1", ""});
  pool.Do(ReportPayout{id, RailWord::kNeverSeen, "", ""});
  EXPECT_TRUE(pool.Do(BeginSends{10}).empty())
      << "what a rail had it may have moved";
  pool.Do(ReportPayout{id, RailWord::kDoubt, "", "RAIL_UNREACHABLE"});
  EXPECT_EQ(pool.Do(ReviewPayouts{}).at(0).state, PayoutState::kSent);
  EXPECT_EQ(pool.Do(ReportPayout{id, RailWord::kSettled, "tx", ""}),
            PayoutState::kSettled);
  EXPECT_EQ(Balance(Place::Outside()), outside + 10 * kAmountPerCoin);
}

TEST_F(PayoutTest, ABalanceAtItsThresholdIsPaidOutByItself) {
  pool.Do(SetPayoutTerms{alice, "addr", 20 * kAmountPerCoin});
  EXPECT_TRUE(pool.Do(BeginSends{10}).empty());
  pool.Do(SetPayoutTerms{alice, "", 10 * kAmountPerCoin});
  EXPECT_TRUE(pool.Do(BeginSends{10}).empty()) << "to where?";
  pool.Do(SetPayoutTerms{alice, "addr", 10 * kAmountPerCoin});
  const auto begun = pool.Do(BeginSends{10});
  ASSERT_EQ(begun.size(), 1u);
  EXPECT_EQ(begun[0].amount, 10 * kAmountPerCoin);
  pool.Do(SetPayoutTerms{alice, "other", 10 * kAmountPerCoin});
  EXPECT_EQ(pool.Do(ReviewPayouts{}).size(), 0u);
  EXPECT_EQ(pool.pool.state().Find(begun[0].id)->address, "addr");
}

TEST_F(PayoutTest, TermsThatAreNotNamedStay) {
  const Amount threshold = 50 * kAmountPerCoin;
  pool.Do(SetPayoutTerms{alice, "addr", threshold});
  EXPECT_EQ(
      pool.Do(SetPayoutTerms{.caller = alice, .address = "b"}).payout_threshold,
      threshold);
  EXPECT_EQ(
      pool.Do(SetPayoutTerms{.caller = alice, .threshold = 0}).payout_address,
      "b");
  const Account shown = pool.Do(SetPayoutTerms{.caller = alice});
  EXPECT_EQ(shown.payout_address, "b");
  EXPECT_EQ(shown.payout_threshold, 0);
}

// An id names one request: what is asked under it for something else is no
// repetition.
TEST_F(PayoutTest, ARequestIdIsOfOnePayoutAndOfNoTask) {
  pool.Do(SetPayoutTerms{alice, "addr", 0});
  const PayoutId id = pool.Do(RequestPayout{alice, 2 * kAmountPerCoin, "r"});
  EXPECT_EQ(pool.Do(RequestPayout{alice, 2 * kAmountPerCoin, "r"}), id);
  EXPECT_EQ(pool.Do(RequestPayout{alice, 0, "r"}), id) << "whatever there is";
  EXPECT_THAT(pool.Try(RequestPayout{alice, 3 * kAmountPerCoin, "r"}),
              FailsWith("REQUEST_ID_REUSED"));
  EXPECT_EQ(pool.pool.state().requests().Find(RequestKey::OfTask(alice, "r")),
            0)
      << "a task's id is another";
}

TEST_F(PayoutTest, RefusalsSayWhatToDo) {
  EXPECT_THAT(pool.Try(RequestPayout{alice, 0, "r"}),
              FailsWith("PAYOUT_ADDRESS_MISSING"));
  EXPECT_THAT(pool.Try(SetPayoutTerms{alice, "addr", 5}),
              FailsWith("AMOUNT_RANGE"));
  pool.Do(SetPayoutTerms{alice, "addr", 0});
  EXPECT_THAT(pool.Try(RequestPayout{alice, 11 * kAmountPerCoin, "r"}),
              FailsWith("BALANCE_TOO_LOW"));
  EXPECT_THAT(pool.Try(RequestPayout{alice, 5, "r"}),
              FailsWith("AMOUNT_RANGE"));
  EXPECT_THAT(pool.Try(ReportPayout{PayoutId{7}, RailWord::kSettled, "", ""}),
              FailsWith("PAYOUT_UNKNOWN"));
  const PayoutId id = Request(0);
  EXPECT_THAT(pool.Try(ReportPayout{id, RailWord::kSettled, "", ""}),
              FailsWith("PAYOUT_NOT_SENT"));
}

}  // namespace
}  // namespace archpool
