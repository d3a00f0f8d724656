// SPDX-License-Identifier: Apache-2.0
// A task's summary, kept as its trials change: each change costs about the
// same, however many trials there are. Summarize (task_summary.h) is the same
// of all trials at once. Pure; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_VIEWS_RUNNING_SUMMARY_H_
#define ARCHPOOL_SERVER_CORE_VIEWS_RUNNING_SUMMARY_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "common/crypto/sha256.h"
#include "server/core/records/trial_records.h"
#include "server/core/views/task_summary.h"

namespace archpool {

// The front of a task's results, kept as they change. FrontBuilder is the same
// of all at once.
class RunningFront {
 public:
  // Takes the place of what the trial was before.
  void Put(const Trial& trial);
  // By multiply-accumulates, the cheapest first.
  std::vector<Trial> Finalists();

 private:
  // The first of an architecture's results is the one that counts.
  using Place = std::tuple<int64_t, absl::Time, TrialId>;
  static Place PlaceOf(const Trial& trial);

  void Insert(const Trial& trial);
  void Erase(TrialId id);
  void Enter(TrialId id);
  void Leave(TrialId id);
  std::vector<TrialId> FrontOf(std::vector<TrialId> ids) const;

  absl::btree_map<TrialId, Trial> results_;
  absl::btree_map<Digest, absl::btree_set<Place>> of_architecture_;
  std::vector<TrialId> front_;
  // One that was on the front is gone: what it hid is unknown.
  bool is_stale_ = false;
};

class RunningSummary {
 public:
  // A trial of the task, new or changed.
  void Put(const Trial& trial);
  TaskSummary Get();

 private:
  // What is remembered of a trial, to take back what it added.
  struct Part {
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

    friend bool operator==(const Part&, const Part&) = default;
  };
  struct Share {
    MinerShare sums;
    double undetected = 1;
  };
  static Part PartOf(const Trial& trial);

  // Adds the part, or takes it back: `sign` is 1 or -1.
  void Count(const Part& part, int64_t sign);
  void CountState(const Part& part, int64_t sign);
  void CountAccepted(const Part& part, int64_t sign);
  void CountDraw(const Part* before, const Part& part);

  absl::btree_map<TrialId, Part> parts_;
  TaskSummary sums_;      // without what follows
  int64_t accepted_ = 0;  // those that are known included
  absl::btree_map<AccountId, Share> shares_;
  absl::btree_map<SubspaceId, int64_t> explored_;
  absl::btree_map<std::pair<Digest, int64_t>, int64_t> distinct_;
  RunningFront front_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_VIEWS_RUNNING_SUMMARY_H_
