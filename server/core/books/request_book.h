// SPDX-License-Identifier: Apache-2.0
// What idempotency keys became: those of what is open, and the latest others.
// An older one is the archive's to tell (server/core/state/look_up.h).
//
// Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_REQUEST_BOOK_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_REQUEST_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <deque>

#include "absl/container/btree_map.h"
#include "server/core/records/request_key.h"

namespace archpool {

// No key may be let go of before it is durable, since until then the archive
// does not know it. A command makes one key at most, and a commit holds no more
// commands than an engine has waiting (10,000): this is three times that, and
// some megabytes.
inline constexpr size_t kLatestRequestsMax = 32'768;

class RequestBook {
 public:
  // Holds `latest_max` keys beside those of what is open.
  explicit RequestBook(size_t latest_max = kLatestRequestsMax)
      : latest_max_(latest_max) {}

  // `key` became `id`, which is open or has ended. The first word of its end
  // makes it the latest of those that may be let go of.
  void Put(const RequestKey& key, int64_t id, bool is_open);

  // 0 where it is not held.
  int64_t Find(const RequestKey& key) const;

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    int64_t id = 0;
    bool is_open = false;
  };
  size_t latest_max_;
  absl::btree_map<RequestKey, Entry> entries_;
  std::deque<RequestKey> latest_;  // not open; the oldest first
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_REQUEST_BOOK_H_
