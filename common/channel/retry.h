// SPDX-License-Identifier: Apache-2.0
// Trying again what may work later: the server restarts, the network is away.
#ifndef ARCHPOOL_COMMON_CHANNEL_RETRY_H_
#define ARCHPOOL_COMMON_CHANNEL_RETRY_H_

#include <functional>
#include <stop_token>
#include <type_traits>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/countdown.h"
#include "common/base/stop.h"

namespace archpool {

// Pauses double from `pause_min` to `pause_max`. A server that is back hears
// its workers within five seconds: of that, a connection takes half.
struct RetryPolicy {
  absl::Duration pause_min = absl::Milliseconds(200);
  absl::Duration pause_max = absl::Milliseconds(2'500);
  // No try starts later than this after the first one.
  absl::Duration give_up_after = absl::InfiniteDuration();
  // Told before each pause what is in the way, and for how long by now.
  std::function<void(const absl::Status& why, absl::Duration waited)> on_wait =
      nullptr;
};

// The pauses between tries. Each is drawn from the upper half of its range, so
// that workers that lost the server together do not come back together.
// Thread-compatible.
class Backoff {
 public:
  explicit Backoff(const RetryPolicy& policy);

  absl::Duration Next();
  void Reset() { range_ = policy_.pause_min; }

 private:
  RetryPolicy policy_;
  absl::Duration range_;
  absl::BitGen generator_;
};

// Whether the same call may work later, with nothing changed by the caller:
// UNAVAILABLE, DEADLINE_EXCEEDED or ABORTED.
bool IsTransient(const absl::Status& status);

inline const absl::Status& GetStatus(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& result) {
  return result.status();
}

// Calls `attempt` (answering a Status or a StatusOr) until it succeeds, fails
// for good, `stop` is requested or the policy gives up; answers the last
// result.
template <typename Attempt>
std::invoke_result_t<Attempt&> RetryWhileTransient(const RetryPolicy& policy,
                                                   const std::stop_token& stop,
                                                   Attempt attempt) {
  Backoff backoff(policy);
  const Countdown tries(policy.give_up_after);
  const Stopwatch waited;
  while (true) {
    auto result = attempt();
    if (!IsTransient(GetStatus(result))) return result;
    const absl::Duration pause = backoff.Next();
    if (pause > tries.left()) return result;
    if (policy.on_wait != nullptr) {
      policy.on_wait(GetStatus(result), waited.elapsed());
    }
    if (WaitOrStop(stop, pause)) return result;
  }
}

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_RETRY_H_
