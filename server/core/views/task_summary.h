// SPDX-License-Identifier: Apache-2.0
// How a task goes, computed from its committed records: what clients, miners
// and operators are shown. Pure.
#ifndef ARCHPOOL_SERVER_CORE_VIEWS_TASK_SUMMARY_H_
#define ARCHPOOL_SERVER_CORE_VIEWS_TASK_SUMMARY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/core/leaves/front_builder.h"
#include "server/core/records/entities.h"

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

struct TaskSummary {
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
  // The accepted trial with the highest verified accuracy; the cheaper, then
  // the earlier, of equal ones.
  std::optional<Trial> best;
  std::vector<Trial> front;  // FinalistsOf
  // Subspaces in which a trial was accepted.
  int64_t subspaces_explored = 0;
  std::vector<MinerShare> shares;  // by account
  absl::Duration training_time;    // as workers say
  absl::Duration audit_time;       // that verifiers spent
};

// `trials`: every trial of one task, in any order.
TaskSummary Summarize(absl::Span<const Trial> trials);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_VIEWS_TASK_SUMMARY_H_
