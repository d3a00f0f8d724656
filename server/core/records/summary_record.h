// SPDX-License-Identifier: Apache-2.0
// What a task came to, written when it ends: lists and views of ended tasks
// read it, and no trial. Part of server/core/records/entities.h, which says
// what records are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_SUMMARY_RECORD_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_SUMMARY_RECORD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/model/ids.h"

namespace archpool {

// The share of its trials that a miner would have faked, by which its chance to
// be found out is reckoned.
inline constexpr double kFakedShare = 0.1;

// What one miner got out of a task.
struct MinerShare {
  AccountId account;
  int64_t trials_accepted = 0;
  int64_t trials_rejected = 0;
  WorkUnits work_units = 0;  // validated
  Amount payout = 0;         // pay and finder's bonus, once the task has ended
  int64_t trials_audited = 0;  // accepted, with something replayed
  WorkUnits work_units_matured = 0;
  // The chance that a miner who faked every tenth of these trials at random
  // would have been found out, by the chances with which they were drawn.
  int64_t detection_ppm = 0;

  friend bool operator==(const MinerShare&, const MinerShare&) = default;
};

// What the trials of a task add up to.
struct TaskSums {
  // From the client's earlier tasks; in none of the counts below.
  int64_t trials_known = 0;
  int64_t trials_assigned = 0;
  int64_t trials_pending = 0;  // committed or uploaded
  int64_t trials_accepted = 0;
  int64_t trials_at_chance = 0;  // of the accepted ones
  int64_t trials_diverged = 0;   // likewise
  int64_t trials_rejected = 0;
  int64_t trials_abandoned = 0;
  // Accepted trials whose architecture another had committed before.
  int64_t trials_redundant = 0;
  std::map<std::string, int64_t> rejected_by_reason;
  WorkUnits work_units_accepted = 0;
  // Subspaces in which a trial was accepted.
  int64_t subspaces_explored = 0;
  std::vector<MinerShare> shares;  // by account
  absl::Duration training_time;    // as workers say
  absl::Duration audit_time;       // that verifiers spent

  friend bool operator==(const TaskSums&, const TaskSums&) = default;
};

// Made with the end of its task, in the same commit. As nothing of an ended
// task changes, neither does this. A task that a server from before summaries
// ended has none: it is summed up from its trials when somebody asks.
struct SummaryRecord {
  TaskId task;
  TaskSums sums;
  int64_t subspaces = 0;
  // By multiply-accumulates, the cheapest first: the last is the task's best.
  std::vector<TrialId> front;
  // The best one's; unset where there is none.
  std::optional<int64_t> best_accuracy_ppm;

  friend bool operator==(const SummaryRecord&, const SummaryRecord&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_SUMMARY_RECORD_H_
