// SPDX-License-Identifier: Apache-2.0
// A pool in the middle of its work, made once for all inputs of a fuzzer: each
// kind of account, a task that has ended and one that is worked at, trials and
// audits in several states, files for all of it. The same in every run.
#ifndef ARCHPOOL_TESTS_FUZZ_PREPARED_POOL_H_
#define ARCHPOOL_TESTS_FUZZ_PREPARED_POOL_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"
#include "simulator/record_oracle.h"
#include "tests/fuzz/known_values.h"
#include "tests/fuzz/request_maker.h"

namespace archpool {

// Who calls, and what no call of theirs may do, whatever it says.
enum class CallerKind {
  kOperator,   // the one that may bring money in
  kOther,      // moves money by the rules alone
  kReader,     // changes nothing
  kSuspended,  // moves no money
  kStranger    // changes nothing, but that it joins
};

struct Caller {
  const char* token;  // "": none
  CallerKind kind;
};

// By their place in inputs: new ones come last.
inline constexpr Caller kCallers[] = {{"", CallerKind::kStranger},
                                      {"client", CallerKind::kOther},
                                      {"miner", CallerKind::kOther},
                                      {"verifier", CallerKind::kOther},
                                      {"operator", CallerKind::kOperator},
                                      {"suspended", CallerKind::kSuspended},
                                      {"client-reader", CallerKind::kReader},
                                      {"miner-worker", CallerKind::kOther},
                                      {"nobody", CallerKind::kStranger},
                                      {"rival", CallerKind::kOther}};

struct PreparedPool {
  PoolPolicy policy;
  absl::Time now;
  std::vector<Event> events;  // all, in order
  RecordOracle oracle;        // that watched them
  KnownValues known;
  HonestRequests honest;
};

// Writes the blobs into `blobs_path` and `checkpoints_path`.
PreparedPool PreparePool(const std::string& blobs_path,
                         const std::string& checkpoints_path);

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_FUZZ_PREPARED_POOL_H_
