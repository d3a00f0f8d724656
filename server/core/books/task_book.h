// SPDX-License-Identifier: Apache-2.0
// The open tasks with their subspaces and trials, and an index over each.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_TASK_BOOK_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_TASK_BOOK_H_

#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "common/model/dataset_manifest.h"
#include "server/core/books/box_index.h"
#include "server/core/books/maps.h"
#include "server/core/books/network_index.h"
#include "server/core/books/task_memory.h"
#include "server/core/books/trial_tally.h"
#include "server/core/leaves/claim_front.h"
#include "server/core/records/entities.h"

namespace archpool {

// What the core knows of an open task beyond its record; derived from the
// others.
struct TaskIndex {
  DatasetManifest manifest;  // of its dataset
  BoxIndex boxes;
  NetworkIndex networks;
  TrialTally tally;
  WorkUnits examined_units = 0;  // ExaminedUnits of its trials
  ClaimFront claims;             // of the measured results
  absl::btree_set<TrialId> trials;
  absl::btree_set<LeaseId> leases;  // active
  absl::btree_set<AuditId> audits;  // open ones
  // Verdicts that its latest ranking had seen.
  int64_t verdicts_seen = 0;
  TaskMemory memory;
};

// Value type; thread-compatible. Pointers hold until the next Put of the same
// kind. A task that has ended is gone at once as far as anybody can see, with
// all that is its own; what it held is freed a few records at a time.
class TaskBook {
 public:
  explicit TaskBook(int64_t high_reward_share_ppm)
      : high_reward_share_ppm_(high_reward_share_ppm) {}

  // `manifest`: of its dataset; asked for at the first Put of an open task.
  void Put(const Task& task, const DatasetManifest* manifest);
  // The others are of open tasks.
  void Put(const SubspaceRecord& box);
  void Put(const Trial& trial);
  void Put(const Ranking& ranking);
  void PutLease(TaskId task, LeaseId lease, bool is_active);
  void PutAudit(TaskId task, AuditId audit, bool is_open);

  // nullptr where there is none.
  const Task* Find(TaskId id) const { return FindIn(tasks_, id); }
  const SubspaceRecord* Find(SubspaceId id) const;
  const Trial* Find(TrialId id) const;
  const absl::btree_map<TaskId, Task>& all() const { return tasks_; }
  int64_t box_count() const { return std::ssize(boxes_); }
  int64_t trial_count() const { return std::ssize(trials_); }
  // Active tasks, those with the fewest leases first.
  const absl::btree_set<std::pair<int64_t, TaskId>>& by_leases() const {
    return by_leases_;
  }
  const absl::btree_set<TrialId>& TrialsIn(SubspaceId box) const {
    return SetIn(by_box_, box);
  }
  // Trials that their miners may still send something of: the weights of those
  // that were committed; and another's was faster than those superseded.
  const absl::btree_set<TrialId>& awaited() const { return awaited_; }
  // REQUIRES: the task is open.
  const TaskIndex& IndexOf(TaskId task) const;
  TaskMemory& MemoryOf(TaskId task) { return indexes_.at(task).memory; }
  void RememberUnsplit(TaskId task, SubspaceId box) {
    indexes_.at(task).boxes.RememberUnsplit(box);
  }

  // Frees what ended tasks held, at most this many of their records.
  void ForgetSome(int64_t count);

  // For a snapshot: the records in the order of their ids, and the rankings.
  template <typename Each>
  void ForEachBox(const Each& each) const;
  template <typename Each>
  void ForEachTrial(const Each& each) const;
  template <typename Each>
  void ForEachRanking(const Each& each) const;

 private:
  void Forget(TaskId task);
  bool IsForgotten(TaskId task) const { return forgotten_.contains(task); }
  // What the trial is in its box and at its rung counts; or no longer.
  void CountNetwork(TaskIndex& index, const Trial& trial, int64_t sign);
  void Move(const Trial& before, const Trial& trial);
  // When it is measured, until it is rejected: a claim alone hides nothing.
  static void IndexClaim(TaskIndex& index, const Trial* before,
                         const Trial& trial);

  int64_t high_reward_share_ppm_;
  absl::btree_map<TaskId, Task> tasks_;
  absl::btree_map<TaskId, TaskIndex> indexes_;
  absl::btree_map<TaskId, TaskIndex> forgotten_;  // and not yet freed
  absl::btree_set<std::pair<int64_t, TaskId>> by_leases_;
  absl::btree_map<SubspaceId, SubspaceRecord> boxes_;
  // By pointer: a node holds few records of their size, and moves them about.
  absl::btree_map<TrialId, std::unique_ptr<Trial>> trials_;
  SetMap<SubspaceId, TrialId> by_box_;
  absl::btree_set<TrialId> awaited_;
};

template <typename Each>
void TaskBook::ForEachBox(const Each& each) const {
  for (const auto& [id, box] : boxes_) {
    if (!IsForgotten(box.task)) each(box);
  }
}

template <typename Each>
void TaskBook::ForEachTrial(const Each& each) const {
  for (const auto& [id, trial] : trials_) {
    if (!IsForgotten(trial->task)) each(*trial);
  }
}

template <typename Each>
void TaskBook::ForEachRanking(const Each& each) const {
  for (const auto& [id, index] : indexes_) {
    if (index.memory.ranking.empty()) continue;
    Ranking ranking{.task = id, .verdicts_seen = index.verdicts_seen};
    for (const RankedCandidate& ranked : index.memory.ranking) {
      ranking.candidates.push_back(ranked.architecture);
    }
    each(ranking);
  }
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_TASK_BOOK_H_
