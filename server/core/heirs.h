// Who answers for a worker that is gone: when a machine dies, what is asked of
// its trainings goes to another worker of its account whose arithmetic is the
// same, which trains them again. So a dead machine costs its account one
// training for each question, and no credit; whoever never trained cannot train
// what was committed to.
//
// In memory alone: after a restart every worker counts as heard. Not
// thread-safe.
#ifndef ARCHPOOL_SERVER_CORE_HEIRS_H_
#define ARCHPOOL_SERVER_CORE_HEIRS_H_

#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "common/model/ids.h"

namespace archpool {

class Heirs {
 public:
  void Hear(SessionId session, absl::Time now) { heard_[session] = now; }
  void Forget(SessionId session) { heard_.erase(session); }
  // Nobody could be heard for a while.
  void ForgetAll() { heard_.clear(); }

  // Whether it was not heard for longer than `term`. One that was never heard
  // is from now on.
  bool IsSilent(SessionId session, absl::Duration term, absl::Time now) {
    return now - heard_.try_emplace(session, now).first->second > term;
  }

 private:
  absl::btree_map<SessionId, absl::Time> heard_;
};

// The one of those that can answer that is to: for every question it is the
// same one, and many questions go to them in turns. REQUIRES: not empty.
inline SessionId HeirOf(AuditId question, const std::vector<SessionId>& able) {
  return able[static_cast<size_t>(question.value) % able.size()];
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_HEIRS_H_
