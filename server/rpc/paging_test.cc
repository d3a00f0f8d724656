// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/paging.h"

#include <numeric>
#include <string>
#include <vector>

#include "archpool/v1/ledger.pb.h"
#include "common/wire/request_limits.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool::rpc {
namespace {

Page First(int64_t page_size) {
  auto page = Page::Read("ListTransfers", "task 1", page_size, "");
  EXPECT_THAT(page, IsOk());
  return *std::move(page);
}

// What pages of `size` rows show of the rows 1 to `count`, whose places have
// names of `name_bytes` characters.
std::vector<std::vector<int64_t>> Walk(int64_t count, int64_t size,
                                       size_t name_bytes) {
  std::vector<std::vector<int64_t>> pages;
  std::string token;
  do {
    auto page = Page::Read("ListTransfers", "", size, token);
    EXPECT_THAT(page, IsOk());
    std::vector<int64_t> rows;
    for (int64_t id = page->after_id() + 1;
         id <= count && std::ssize(rows) < page->limit(); ++id) {
      rows.push_back(id);
    }
    v1::ListTransfersResponse response;
    FillPage(
        *page, rows,
        [&](int64_t id) -> const v1::Transfer& {
          v1::Transfer* const to = response.add_transfers();
          to->set_transfer_id(id);
          to->mutable_debit_place()->set_account_name(
              std::string(name_bytes, 'a'));
          return *to;
        },
        [](int64_t id) { return id; }, &response);
    EXPECT_LT(response.ByteSizeLong(), size_t{4} << 20);
    pages.emplace_back();
    for (const v1::Transfer& one : response.transfers()) {
      pages.back().push_back(one.transfer_id());
    }
    token = response.next_page_token();
  } while (!token.empty() && pages.size() < 1000);
  return pages;
}

TEST(PagingTest, PagesHoldEveryRowOnceAndTheLastHasNoToken) {
  EXPECT_EQ(Walk(0, 2, 1), (std::vector<std::vector<int64_t>>{{}}));
  EXPECT_EQ(Walk(2, 2, 1), (std::vector<std::vector<int64_t>>{{1, 2}}));
  EXPECT_EQ(Walk(5, 2, 1),
            (std::vector<std::vector<int64_t>>{{1, 2}, {3, 4}, {5}}));
}

TEST(PagingTest, APageEndsByBytesToo) {
  const auto pages = Walk(40, 1000, 100'000);
  EXPECT_GE(pages.size(), 3u);
  int64_t next = 1;
  for (const auto& page : pages) {
    for (const int64_t id : page) EXPECT_EQ(id, next++);
  }
  EXPECT_EQ(next, 41);
  // A row that is larger than a page is a page of its own.
  EXPECT_EQ(Walk(2, 1000, kPageBytesMax + 1).size(), 2u);
}

TEST(PagingTest, TheDefaultIsOneForAllLists) {
  EXPECT_EQ(First(0).limit(), limits::kPageSizeDefault + 1);
  EXPECT_EQ(First(1000).limit(), 1001);
  EXPECT_THAT(Page::Read("ListTransfers", "", -1, ""),
              FailsWith("FIELD_RANGE"));
  EXPECT_THAT(Page::Read("ListTransfers", "", 1001, ""),
              FailsWith("FIELD_RANGE"));
}

TEST(PagingTest, ATokenIsOfItsListAndFilter) {
  Page page = First(1);
  page.Add(10, "17");
  const std::string token = page.NextToken();
  const auto next = Page::Read("ListTransfers", "task 1", 1, token);
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(next->after_id(), 17);
  EXPECT_EQ(next->cursor(), "17");
  for (const auto& [name, filter] :
       {std::pair("ListPayouts", "task 1"), {"ListTransfers", "task 2"}}) {
    EXPECT_THAT(Page::Read(name, filter, 1, token),
                FailsWith("PAGE_TOKEN_MALFORMED"));
  }
  for (const std::string& bad : {std::string("17"), std::string("!"),
                                 token + "A", std::string(10'000, 'A')}) {
    EXPECT_THAT(Page::Read("ListTransfers", "task 1", 1, bad),
                FailsWith("PAGE_TOKEN_MALFORMED"))
        << bad.substr(0, 20);
  }
}

}  // namespace
}  // namespace archpool::rpc
