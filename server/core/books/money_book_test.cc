// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/money_book.h"

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(MoneyBookTest, AnEmptyPlaceIsNone) {
  MoneyBook book;
  book.Put(Balance{Place::EscrowOf({4}), 10});
  EXPECT_EQ(book.BalanceOf(Place::EscrowOf({4})), 10);
  book.Put(Balance{Place::EscrowOf({4}), 0});
  EXPECT_EQ(book.BalanceOf(Place::EscrowOf({4})), 0);
  EXPECT_TRUE(book.balances().empty());
}

TEST(MoneyBookTest, WhatIsPaidIsNotOwed) {
  MoneyBook book;
  book.Put(Owed{.position = 100, .account = {1}, .amount = 5});
  book.Put(Owed{.position = 200, .account = {1}, .amount = 7});
  EXPECT_EQ(book.owed().size(), 2u);
  book.Put(Owed{.position = 100, .account = {1}, .amount = 0});
  ASSERT_EQ(book.owed().size(), 1u);
  EXPECT_EQ(book.owed().begin()->second.amount, 7);
}

TEST(MoneyBookTest, APayoutThatHasEndedIsForgotten) {
  MoneyBook book;
  Payout payout = {.id = {3}, .account = {1}, .amount = 5, .create_time = {}};
  for (const PayoutState state :
       {PayoutState::kWaiting, PayoutState::kSending, PayoutState::kUnknown}) {
    payout.state = state;
    book.Put(payout);
    ASSERT_NE(book.Find({3}), nullptr);
    EXPECT_EQ(*book.Find({3}), payout);
  }
  payout.state = PayoutState::kSettled;
  book.Put(payout);
  EXPECT_EQ(book.Find({3}), nullptr);
}

}  // namespace
}  // namespace archpool
