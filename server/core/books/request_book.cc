// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/request_book.h"

namespace archpool {

void RequestBook::Put(const RequestKey& key, int64_t id, bool is_open) {
  const auto [found, is_new] = entries_.try_emplace(key);
  const bool was_open = is_new || found->second.is_open;
  found->second = {.id = id, .is_open = is_open};
  if (is_open || !was_open) return;
  latest_.push_back(key);
  if (latest_.size() <= latest_max_) return;
  entries_.erase(latest_.front());
  latest_.pop_front();
}

int64_t RequestBook::Find(const RequestKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? 0 : found->second.id;
}

}  // namespace archpool
