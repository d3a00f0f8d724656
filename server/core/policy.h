// What an operator sets. Value type; constant while a server runs.
#ifndef ARCHPOOL_SERVER_CORE_POLICY_H_
#define ARCHPOOL_SERVER_CORE_POLICY_H_

#include <cstdint>

#include "absl/time/time.h"

namespace archpool {

struct PoolPolicy {
  // A lease, unless a heartbeat extends it.
  absl::Duration lease_term = absl::Seconds(60);
  // However often it is extended, a lease ends after one term and this many
  // times the reference core's time for its list: nobody blocks a subspace for
  // ever.
  int64_t slowness_max = 20;
  // Leases an account may hold at once beyond one for each trial accepted of
  // it: whoever never delivers holds few.
  int64_t leases_on_trust = 4;
  // From commitment to durable weights.
  absl::Duration upload_term = absl::Minutes(2);
  // An audit, from a verifier's taking it to its finding.
  absl::Duration audit_term = absl::Minutes(2);
  // The pool's share of the reward, in millionths; fixed per task when it
  // comes.
  int64_t fee_ppm = 50'000;
  // Rejections in a row that suspend a miner.
  int64_t rejections_to_suspend = 3;
  // How far a claim may lie above what the verifier measures on the validation
  // split, in millionths of its size: rounding differs between instruction
  // sets.
  int64_t claim_tolerance_ppm = 2'000;
  // Inconclusive audits (a crashed verifier counts) until a trial is rejected
  // as unverifiable.
  int64_t inconclusive_max = 3;
  // Limits.
  int64_t open_tasks_max = 1'000;
  int64_t open_sessions_per_account_max = 1'024;
  int64_t closings_per_tick_max = 1'000;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_POLICY_H_
