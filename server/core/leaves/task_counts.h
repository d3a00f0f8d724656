// SPDX-License-Identifier: Apache-2.0
// What the trials of a task add up to, one by one: for views while it runs, and
// for its record when it ends. Pure; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_TASK_COUNTS_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_TASK_COUNTS_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "common/crypto/sha256.h"
#include "server/core/records/summary_record.h"
#include "server/core/records/trial_records.h"

namespace archpool {

// What one trial adds, so that it can be taken back.
struct CountedTrial {
  TrialState state = TrialState::kAssigned;
  AccountId account;
  SubspaceId subspace;
  Digest architecture_id;
  int64_t rung = 0;
  WorkUnits work_units = 0;
  Amount payout = 0;
  int64_t draw_ppm = 0;
  absl::Duration train_time;
  absl::Duration audit_time;
  std::string reason;
  bool is_known = false;
  bool is_committed = false;
  bool is_at_chance = false;
  bool has_diverged = false;
  bool is_audited = false;
  bool is_matured = false;

  friend bool operator==(const CountedTrial&, const CountedTrial&) = default;
};
CountedTrial CountedOf(const Trial& trial);

class TaskCounts {
 public:
  // A trial that was not counted before. The same trials in the same order make
  // the same sums, to the last digit.
  void Add(const Trial& trial) { Replace(nullptr, CountedOf(trial)); }
  // A trial is `counted` from now on, and was `before` (nullptr: it is new).
  void Replace(const CountedTrial* before, const CountedTrial& counted);

  TaskSums Get() const;

 private:
  struct Share {
    MinerShare sums;
    double undetected = 1;
  };

  // Adds it, or takes it back: `sign` is 1 or -1.
  void Count(const CountedTrial& counted, int64_t sign);
  void CountState(const CountedTrial& counted, int64_t sign);
  void CountAccepted(const CountedTrial& counted, int64_t sign);
  void CountDraw(const CountedTrial* before, const CountedTrial& counted);

  TaskSums sums_;         // without what follows
  int64_t accepted_ = 0;  // those that are known included
  absl::btree_map<AccountId, Share> shares_;
  absl::btree_map<SubspaceId, int64_t> explored_;
  absl::btree_map<std::pair<Digest, int64_t>, int64_t> distinct_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_TASK_COUNTS_H_
