// SPDX-License-Identifier: Apache-2.0
// What there is to explain of a miner: its records, and what its workers were
// told of late. Blocks on the database. Thread-safe.
#ifndef ARCHPOOL_SERVER_INTAKE_MINER_RECORDS_H_
#define ARCHPOOL_SERVER_INTAKE_MINER_RECORDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/core/rules/policy.h"
#include "server/core/views/explain.h"
#include "server/storage/store.h"

namespace archpool {

// A worker of the account, as it was heard last.
struct HeardWorker {
  std::string worker_name;
  absl::Time last_seen;
  // Why it got no work when it asked last; "" where it got some.
  std::string idle_reason;
  std::string idle_message;
  SessionId session = {};
};

// What is known of an account's workers in memory.
struct MinerWorkers {
  std::vector<HeardWorker> heard;
  // Those that got no session within kRefusedLately.
  std::vector<WorkerRefusal> refused;
};
inline constexpr absl::Duration kRefusedLately = absl::Minutes(10);

struct MinerRecordsParts {
  Reader& reader;
  const PoolPolicy& policy;
  absl::Time now;
};

// The records of `account`, with its trials made since `since`. The reader's
// errors.
absl::StatusOr<MinerRecords> ReadMinerRecords(const MinerRecordsParts& parts,
                                              const Account& account,
                                              absl::Time since,
                                              const MinerWorkers& workers);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_INTAKE_MINER_RECORDS_H_
