// SPDX-License-Identifier: Apache-2.0
// Why a miner was not paid, got no work, or had a trial rejected: from the
// records, as sentences. Pure; thread-safe.
#ifndef ARCHPOOL_SERVER_CORE_VIEWS_EXPLAIN_H_
#define ARCHPOOL_SERVER_CORE_VIEWS_EXPLAIN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"

namespace archpool {

// What a worker was told last, where it got no work.
struct WorkerRefusal {
  std::string worker_name;
  std::string reason;
  std::string message;
};

// A worker that was not heard of late, and has answers to give.
struct SilentAnswerer {
  SessionId session;
  std::string worker_name;
  int64_t trials = 0;  // that it is asked about
  TrialId newest;      // of them
  // If the whole account was away when they were due: how long the pool still
  // waits for the first of them.
  std::optional<absl::Duration> waits;
};

// What is known of a miner.
struct MinerRecords {
  Account account;
  std::vector<Trial> trials;    // of the time that was asked for
  std::vector<Payout> payouts;  // the newest ones
  Amount balance = 0;
  Amount owed = 0;         // through the window
  int64_t open_tasks = 0;  // of the pool
  // The tasks of its trials of which more may come.
  absl::btree_set<TaskId> unsettled;
  int64_t workers = 0;  // of the account, heard of lately
  int64_t silent_workers = 0;
  std::vector<WorkerRefusal> refusals;
  std::vector<SilentAnswerer> answerers;
};

struct Explanation {
  std::string reason;   // [A-Z0-9_]
  std::string message;  // what is so
  std::string advice;   // what to do about it
  int64_t count = 0;    // trials or payouts that it is about; 0: none
  TrialId example;      // the newest of the trials; unset: none
};

// What matters most first; never empty.
std::vector<Explanation> Explain(const PoolPolicy& policy,
                                 const MinerRecords& records);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_VIEWS_EXPLAIN_H_
