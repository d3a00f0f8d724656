// SPDX-License-Identifier: Apache-2.0
// How often strangers may try to join: the one call of which the pool does not
// know who makes it. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_JOIN_LIMITS_H_
#define ARCHPOOL_SERVER_RPC_JOIN_LIMITS_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace archpool::rpc {

// What is counted together of callers' addresses, as gRPC spells them
// ("ipv4:192.0.2.7:4711"): an IPv4 address; the first 64 bits of an IPv6
// address, which one line has all of; anything else as a whole.
std::string JoinSource(absl::string_view peer);

// `burst` at once, and one more each time `interval` has passed.
struct JoinRate {
  double burst;
  absl::Duration interval;
};

class JoinLimits {
 public:
  struct Rates {
    JoinRate per_source{10, absl::Seconds(6)};
    JoinRate of_all{100, absl::Milliseconds(500)};
  };
  JoinLimits() : JoinLimits(Rates()) {}
  explicit JoinLimits(const Rates& rates)
      : rates_(rates), all_{rates.of_all.burst} {}

  // Counts a try from `source`. RESOURCE_EXHAUSTED (JOINS_TOO_OFTEN): it comes
  // too soon, which is not counted. REQUIRES: `now` is of one clock that is not
  // set.
  absl::Status Take(const std::string& source, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Bucket {
    double left;
    absl::Time time = absl::InfinitePast();  // when it held that
  };
  static void Fill(const JoinRate& rate, absl::Time now, Bucket& bucket);
  void ForgetFull(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Rates rates_;
  absl::Mutex mutex_;
  Bucket all_ ABSL_GUARDED_BY(mutex_);
  // Those that are not full: as many as tried of late, which `all_` bounds.
  absl::btree_map<std::string, Bucket> sources_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_JOIN_LIMITS_H_
