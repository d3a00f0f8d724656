// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/paging.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/sha256.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"

namespace archpool::rpc {
namespace {

constexpr size_t kSumLength = 8;
constexpr size_t kPageTokenLengthMax = 512;

std::string SumOf(absl::string_view name, absl::string_view filter,
                  absl::string_view cursor) {
  return Sha256(absl::StrCat(name, "\n", filter, "\n", cursor))
      .ToString()
      .substr(0, kSumLength);
}

absl::Status Malformed() {
  return InvalidArgument(
      "PAGE_TOKEN_MALFORMED",
      "page_token is not the next_page_token of a page of this list with the "
      "same filters: leave it empty to begin with the first page");
}

}  // namespace

absl::StatusOr<Page> Page::Read(absl::string_view name,
                                absl::string_view filter, int64_t page_size,
                                absl::string_view page_token) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("page_size", page_size, limits::kPageSize));
  Page page(name, filter,
            page_size == 0 ? limits::kPageSizeDefault : page_size);
  if (page_token.empty()) return page;
  std::string text;
  if (page_token.size() > kPageTokenLengthMax ||
      !absl::WebSafeBase64Unescape(page_token, &text) ||
      text.size() <= kSumLength) {
    return Malformed();
  }
  page.cursor_ = text.substr(kSumLength);
  if (text.substr(0, kSumLength) != SumOf(name, filter, page.cursor_)) {
    return Malformed();
  }
  // A list by name has no id.
  if (!absl::SimpleAtoi(page.cursor_, &page.after_id_)) page.after_id_ = 0;
  page.end_ = page.cursor_;
  return page;
}

void Page::Add(const google::protobuf::MessageLite& row, int64_t id) {
  Add(row.ByteSizeLong(), absl::StrCat(id));
}

void Page::Add(size_t bytes, std::string cursor) {
  ++rows_;
  bytes_ += bytes;
  end_ = std::move(cursor);
}

std::string Page::NextToken() const {
  return absl::WebSafeBase64Escape(
      absl::StrCat(SumOf(name_, filter_, end_), end_));
}

}  // namespace archpool::rpc
