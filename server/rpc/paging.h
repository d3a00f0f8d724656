// SPDX-License-Identifier: Apache-2.0
// Pages of lists: how many rows are asked for, where they begin, and when a
// page is full, by rows or by bytes. A page token says where the page before
// ended and of which list it was, with a checksum: it keeps no secret, and
// tells a mistake from a token. Values and pure functions; thread-compatible.
#ifndef ARCHPOOL_SERVER_RPC_PAGING_H_
#define ARCHPOOL_SERVER_RPC_PAGING_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message_lite.h"

namespace archpool::rpc {

// A page ends once it has as many bytes. With its last row it is far below the
// 4 MiB that clients take by default.
inline constexpr size_t kPageBytesMax = size_t{1} << 20;

class Page {
 public:
  // A page of the list `name` with the filters `filter`, which a token is bound
  // to.
  // INVALID_ARGUMENT: FIELD_RANGE (page_size); PAGE_TOKEN_MALFORMED (no token
  // of this server's, or of another list).
  static absl::StatusOr<Page> Read(absl::string_view name,
                                   absl::string_view filter, int64_t page_size,
                                   absl::string_view page_token);
  template <typename Request>
  static absl::StatusOr<Page> Read(absl::string_view name,
                                   absl::string_view filter,
                                   const Request& request) {
    return Read(name, filter, request.page_size(), request.page_token());
  }

  // Where the page before ended; "" and 0 for the first page.
  const std::string& cursor() const { return cursor_; }
  int64_t after_id() const { return after_id_; }
  // What to ask the store for: one more, to know whether there is another page.
  int64_t limit() const { return size_ + 1; }

  // Whether another row has to wait for the next page. At least one row fits.
  bool IsFull() const { return rows_ == size_ || bytes_ >= kPageBytesMax; }
  // Counts a row that was put on the page, and where it ends.
  void Add(const google::protobuf::MessageLite& row, int64_t id);
  void Add(size_t bytes, std::string cursor);

  // For the page after the rows that were added.
  std::string NextToken() const;

 private:
  Page(absl::string_view name, absl::string_view filter, int64_t size)
      : name_(name), filter_(filter), size_(size) {}

  std::string name_;
  std::string filter_;
  int64_t size_ = 0;
  std::string cursor_;
  int64_t after_id_ = 0;
  int64_t rows_ = 0;
  size_t bytes_ = 0;
  std::string end_;  // of the last row
};

// Puts `rows` on the page in their order, by `show(row)`, which answers the
// message that it added to the response; `id(row)` is what the next page begins
// behind. What does not fit is for the next page, whose token it sets.
template <typename Rows, typename Show, typename Id, typename Response>
void FillPage(Page& page, const Rows& rows, const Show& show, const Id& id,
              Response* response) {
  for (const auto& row : rows) {
    if (page.IsFull()) {
      response->set_next_page_token(page.NextToken());
      return;
    }
    const google::protobuf::MessageLite& added = show(row);
    page.Add(added, id(row));
  }
}

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_PAGING_H_
