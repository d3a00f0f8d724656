// SPDX-License-Identifier: Apache-2.0
// Which claims would enter a task's front of measured accuracy against
// multiply-accumulates: its top candidates, which are always audited. Value
// type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_CLAIM_FRONT_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_CLAIM_FRONT_H_

#include <cstdint>
#include <iterator>

#include "absl/container/btree_map.h"

namespace archpool {

class ClaimFront {
 public:
  // Whether nothing as cheap is as accurate.
  bool IsTop(int64_t correct, int64_t macs) const {
    const auto dearer = correct_.upper_bound(macs);
    return dearer == correct_.begin() || std::prev(dearer)->second < correct;
  }
  // Whether this very point is one of the front's.
  bool Contains(int64_t correct, int64_t macs) const {
    const auto found = correct_.find(macs);
    return found != correct_.end() && found->second == correct;
  }
  void Insert(int64_t correct, int64_t macs) {
    if (!IsTop(correct, macs)) return;
    auto next = correct_.insert_or_assign(macs, correct).first;
    for (++next; next != correct_.end() && next->second <= correct;) {
      next = correct_.erase(next);
    }
  }
  void Clear() { correct_.clear(); }

 private:
  absl::btree_map<int64_t, int64_t> correct_;  // by macs; both rise
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_CLAIM_FRONT_H_
