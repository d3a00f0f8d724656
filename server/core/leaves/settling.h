// SPDX-License-Identifier: Apache-2.0
// A task's settlement under way, piece by piece, so that no command takes long
// over a task of many trials. In memory alone: what a step wrote is written the
// same when it is done again from the start, after a restart or because a
// result changed meanwhile.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_SETTLING_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_SETTLING_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/model/ids.h"
#include "server/core/leaves/front_builder.h"
#include "server/core/leaves/reward.h"
#include "server/core/leaves/task_counts.h"

namespace archpool {

struct Settling {
  enum class Stage {
    kAsk,       // what short blocks and hidden results have still to prove
    kOwnFront,  // what own miners' front has still to prove
    kCollect,   // what the pay and the front follow from
    kProve,     // the finalists
    kMature,    // the rest of the credit
    kSplit,     // the reward
    kPay,       // writes down what each trial gets
    kPost,      // sums up, moves the money, and ends the task
  };
  struct Claim {
    AccountId account;
    std::pair<absl::Time, TrialId> claim = {absl::InfinitePast(), {}};
  };

  // Whether a pool that loads its state would have to do some of it again.
  bool HasBegun() const {
    return stage != Stage::kAsk || looked_at.account.IsSet();
  }

  Stage stage = Stage::kAsk;
  int64_t results_version = -1;  // TaskIndex's when it began
  Claim looked_at;               // the last, for what is to be asked
  std::vector<std::pair<TrialId, bool>> to_ask;  // and whether in full
  TrialId claimed;      // the last, for the front by claims
  FrontBuilder claims;  // that front, where miners are the operator's own
  TrialId collected;    // the last
  std::vector<AcceptedWork> work;
  FrontBuilder front;
  std::vector<TrialId> finalists;  // of it
  // What other tasks paid for this task's credit before it was found false: its
  // own pot makes up for it.
  Amount paid_before = 0;
  bool has_barred = false;
  Settlement settlement;
  size_t paid = 0;  // of its trials
  // What the task came to, as far as `counted`; of these trials as they were at
  // that version (TaskMemory::trials_version).
  TaskCounts counts;
  TrialId counted;
  int64_t counts_version = -1;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_SETTLING_H_
