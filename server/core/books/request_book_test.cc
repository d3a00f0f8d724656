// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/request_book.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

RequestKey Key(int64_t i) {
  return RequestKey::OfDeposit(absl::StrCat("d", i));
}

TEST(RequestBookTest, KnowsTheLatestAndNoMore) {
  RequestBook book(3);
  for (int64_t i = 1; i <= 10; ++i) {
    book.Put(Key(i), i, false);
    EXPECT_EQ(book.Find(Key(i)), i);
    EXPECT_LE(book.size(), 3u);
  }
  EXPECT_EQ(book.Find(Key(7)), 0) << "first in, first out";
  EXPECT_EQ(book.Find(Key(8)), 8);
}

// However long it is open; and what ends is the latest that ended.
TEST(RequestBookTest, WhatIsOpenStays) {
  RequestBook book(2);
  const RequestKey open = RequestKey::OfTask({1}, "r");
  book.Put(open, 5, true);
  for (int64_t i = 1; i <= 10; ++i) book.Put(Key(i), i, false);
  EXPECT_EQ(book.Find(open), 5);
  EXPECT_EQ(book.size(), 3u);
  book.Put(open, 5, true);
  book.Put(open, 5, false);
  EXPECT_EQ(book.size(), 2u);
  book.Put(Key(11), 11, false);
  EXPECT_EQ(book.Find(open), 5);
  book.Put(Key(12), 12, false);
  EXPECT_EQ(book.Find(open), 0);
  EXPECT_EQ(book.size(), 2u);
}

// Written down once more, an ended one takes no second place.
TEST(RequestBookTest, AnEndIsCountedOnce) {
  RequestBook book(2);
  for (int i = 0; i < 5; ++i) book.Put(Key(1), 1, false);
  book.Put(Key(2), 2, false);
  EXPECT_EQ(book.Find(Key(1)), 1);
  book.Put(Key(3), 3, false);
  EXPECT_EQ(book.Find(Key(1)), 0);
  EXPECT_EQ(book.size(), 2u);
}

TEST(RequestBookTest, AnIdIsOfOneKindAndOneAccount) {
  RequestBook book;
  book.Put(RequestKey::OfTask({1}, "r"), 1, true);
  book.Put(RequestKey::OfPayout({1}, "r"), 2, true);
  book.Put(RequestKey::OfDeposit("r"), 3, false);
  EXPECT_EQ(book.Find(RequestKey::OfTask({1}, "r")), 1);
  EXPECT_EQ(book.Find(RequestKey::OfPayout({1}, "r")), 2);
  EXPECT_EQ(book.Find(RequestKey::OfDeposit("r")), 3);
  EXPECT_EQ(book.Find(RequestKey::OfTask({2}, "r")), 0);
}

}  // namespace
}  // namespace archpool
