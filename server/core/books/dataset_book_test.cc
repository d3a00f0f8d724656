// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/dataset_book.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

Digest Id(int i) { return Sha256(absl::StrCat("dataset ", i)); }
DatasetRecord Dataset(int i) { return {.id = Id(i), .owner = {i}}; }

TEST(DatasetBookTest, HoldsTheLatestAndNoMore) {
  DatasetBook book(3);
  for (int i = 1; i <= 10; ++i) {
    book.Put(Dataset(i));
    book.Trim();
    ASSERT_NE(book.Find(Id(i)), nullptr);
    EXPECT_EQ(*book.Find(Id(i)), Dataset(i));
    EXPECT_LE(book.size(), 3u);
  }
  EXPECT_EQ(book.Find(Id(7)), nullptr) << "first in, first out";
  EXPECT_NE(book.Find(Id(8)), nullptr);
  EXPECT_TRUE(book.InUse().empty());
}

TEST(DatasetBookTest, WhatIsSaidAgainIsTheLatest) {
  DatasetBook book(2);
  for (const int i : {1, 2, 1, 3}) book.Put(Dataset(i));
  EXPECT_EQ(book.size(), 3u) << "until it is trimmed";
  book.Trim();
  EXPECT_NE(book.Find(Id(1)), nullptr);
  EXPECT_EQ(book.Find(Id(2)), nullptr);
}

// However many come after it; and after its last use it is the latest again.
TEST(DatasetBookTest, WhatIsInUseStays) {
  DatasetBook book(2);
  book.Put(Dataset(1));
  book.Use(Id(1));
  book.Use(Id(1));
  for (int i = 2; i <= 10; ++i) book.Put(Dataset(i));
  book.Put(Dataset(1));
  book.Trim();
  EXPECT_EQ(book.size(), 3u);
  ASSERT_EQ(book.InUse().size(), 1u);
  EXPECT_EQ(book.InUse()[0], Dataset(1));
  book.Release(Id(1));
  EXPECT_EQ(book.InUse().size(), 1u) << "by another task";
  book.Release(Id(1));
  EXPECT_TRUE(book.InUse().empty());
  book.Trim();
  EXPECT_NE(book.Find(Id(1)), nullptr) << "what ends may still be read";
  EXPECT_EQ(book.Find(Id(9)), nullptr);
  for (int i = 11; i <= 12; ++i) book.Put(Dataset(i));
  book.Trim();
  EXPECT_EQ(book.Find(Id(1)), nullptr);
}

}  // namespace
}  // namespace archpool
