// SPDX-License-Identifier: Apache-2.0
// What there is to explain of a miner: its records, and what its workers were
// told of late. Blocks on the database. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_MINER_RECORDS_H_
#define ARCHPOOL_SERVER_RPC_MINER_RECORDS_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/core/rules/policy.h"
#include "server/core/views/explain.h"
#include "server/rpc/session_directory.h"
#include "server/storage/store.h"

namespace archpool::rpc {

struct MinerRecordsParts {
  Reader& reader;
  const SessionDirectory& sessions;
  const PoolPolicy& policy;
  absl::Time now;
};

// The records of `account`, with its trials made since `since`. The reader's
// errors.
absl::StatusOr<MinerRecords> ReadMinerRecords(const MinerRecordsParts& parts,
                                              const Account& account,
                                              absl::Time since);

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_MINER_RECORDS_H_
