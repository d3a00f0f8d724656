// One thread waits for a bell that others ring. It waits by the steady clock:
// where the system's is set back meanwhile, it sleeps no longer, as waits of
// absl::Mutex in Abseil's older releases do. Thread-safe.
#ifndef ARCHPOOL_COMMON_BASE_BELL_H_
#define ARCHPOOL_COMMON_BASE_BELL_H_

#include <condition_variable>
#include <mutex>

#include "absl/time/time.h"

namespace archpool {

class Bell {
 public:
  void Ring();
  // Until it is rung, or was since the last wait, or `duration` has passed.
  // True: it was rung.
  bool Wait(absl::Duration duration);

 private:
  std::mutex mutex_;
  std::condition_variable rung_;
  bool is_rung_ = false;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_BELL_H_
