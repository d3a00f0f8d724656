// SPDX-License-Identifier: Apache-2.0
// How soon an account's calls are answered. Nobody is refused for calling much:
// what comes faster than the account's rate is answered later, which slows down
// who asks in a loop, and costs the pool no work. A call that came to nothing
// (refused, or a request for work that got none) counts as several: programs of
// the pool make few of them, and an account that tries the pool makes hardly
// any others.
//
// The generic cell rate algorithm (ITU-T I.371): an account is paid up until
// some moment, each call moves it on by its cost, and an answer waits for as
// long as that moment is further ahead than the burst allows. Not thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_CALL_PACE_H_
#define ARCHPOOL_SERVER_RPC_CALL_PACE_H_

#include <cstddef>
#include <cstdint>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "common/model/ids.h"

namespace archpool::rpc {

struct CallPaceLimits {
  // Calls per second of an account, and more for each session that it has open:
  // a worker makes some calls for each training, and trainings of a small table
  // take hundredths of a second.
  double rate_per_s = 20;
  double session_rate_per_s = 50;
  double rate_max_per_s = 1'000;
  // A call that came to nothing counts as that many.
  double nothing_cost = 10;
  // What may come at once: the rate's calls of that time.
  absl::Duration burst = absl::Seconds(15);
  // The longest wait of one answer; callers wait longer than that before they
  // give up.
  absl::Duration delay_max = absl::Seconds(2);
  // An account that stops has its burst again after this and the burst's time.
  absl::Duration debt_max = absl::Seconds(30);
};

class CallPace {
 public:
  explicit CallPace(const CallPaceLimits& limits) : limits_(limits) {}

  // Counts a call of `account`, unset for callers that nobody knows, who are
  // one. How long its answer waits: 0 to delay_max. REQUIRES: `now` is of one
  // clock that is not set.
  absl::Duration Charge(AccountId account, bool came_to_nothing,
                        int64_t sessions, absl::Time now);

  size_t size() const { return paid_until_.size(); }

 private:
  void ForgetPaid(absl::Time now);

  const CallPaceLimits limits_;
  // Accounts that called within the last moments.
  absl::btree_map<AccountId, absl::Time> paid_until_;
  absl::Time next_sweep_ = absl::InfinitePast();
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_CALL_PACE_H_
