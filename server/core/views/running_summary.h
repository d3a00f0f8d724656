// SPDX-License-Identifier: Apache-2.0
// A task's summary, kept as its trials change: each change costs about the
// same, however many trials there are. Summarize (task_summary.h) is the same
// of all trials at once. Pure; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_VIEWS_RUNNING_SUMMARY_H_
#define ARCHPOOL_SERVER_CORE_VIEWS_RUNNING_SUMMARY_H_

#include <cstdint>
#include <tuple>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "common/crypto/sha256.h"
#include "server/core/leaves/task_counts.h"
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
  // To take back what a trial added.
  absl::btree_map<TrialId, CountedTrial> counted_;
  TaskCounts counts_;
  RunningFront front_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_VIEWS_RUNNING_SUMMARY_H_
