// SPDX-License-Identifier: Apache-2.0
// Who answers for a worker that is gone: when a machine dies, what is asked of
// its trainings goes to another worker of its account, which trains them again
// if there is time left. So a dead machine need
// not cost its account the credit of the others; a worker that never trained
// cannot train what was committed to. Once half the time is over, a second one
// is asked too.
//
// In memory alone: after a restart every worker counts as heard, and none as
// one that is there. Not thread-safe.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_HEIRS_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_HEIRS_H_

#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "common/model/ids.h"

namespace archpool {

class Heirs {
 public:
  void Hear(SessionId session, absl::Time now) {
    heard_[session] = now;
    signs_[session] = now;
  }
  void Forget(SessionId session) {
    heard_.erase(session);
    signs_.erase(session);
  }
  // Nobody could be heard for a while.
  void ForgetAll() { heard_.clear(); }

  // Whether it was not heard for longer than `term`. One that was never heard
  // is from now on.
  bool IsSilent(SessionId session, absl::Duration term, absl::Time now) {
    return now - heard_.try_emplace(session, now).first->second > term;
  }
  // Whether it gave a sign of life within `term`. One that was never heard gave
  // none.
  bool IsThere(SessionId session, absl::Duration term, absl::Time now) const {
    const auto sign = signs_.find(session);
    return sign != signs_.end() && now - sign->second <= term;
  }

 private:
  absl::btree_map<SessionId, absl::Time> heard_;
  absl::btree_map<SessionId, absl::Time> signs_;
};

// The one of those that can answer that is to: for a question it changes only
// where the one chosen leaves or a newcomer takes its place (rendezvous
// hashing; Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit
// Rates", 1998), and many questions are spread over all. REQUIRES: not empty.
SessionId HeirOf(AuditId question, const std::vector<SessionId>& able);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_HEIRS_H_
