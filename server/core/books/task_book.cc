// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/task_book.h"

#include <optional>
#include <utility>

#include "common/base/check.h"
#include "server/core/rules/audit_cost.h"

namespace archpool {
namespace {

// What the end of a small task frees in the same command.
constexpr int64_t kForgottenAtOnce = 2'000;

// Whether a change of the trial is none to its box and its rung, which know a
// trial under way from one with a verdict, and no more.
bool CountsAlike(const Trial& a, const Trial& b) {
  const auto is_under_way = [](const Trial& trial) {
    return trial.state == TrialState::kAssigned || IsPending(trial.state);
  };
  if (is_under_way(a) && is_under_way(b)) return a.subspace == b.subspace;
  return a.state == b.state && a.subspace == b.subspace &&
         a.is_at_chance == b.is_at_chance && a.reason == b.reason &&
         IsResult(a) == IsResult(b) &&
         (!a.commitment || ValidationCorrect(a) == ValidationCorrect(b));
}

// Whether a change of the trial is none to the verdict on it.
bool IsSameResult(const Trial& a, const Trial& b) {
  return a.state == b.state && BasisOf(a) == BasisOf(b) &&
         a.work_units == b.work_units && a.is_at_chance == b.is_at_chance &&
         IsBarred(a) == IsBarred(b) &&
         VerifiedAccuracyPpm(a) == VerifiedAccuracyPpm(b);
}

bool IsAwaited(const Trial& trial) {
  return trial.state == TrialState::kCommitted || trial.reason == kSuperseded;
}

// Whether its accuracies were measured: what others must beat to be candidates
// for the front.
bool IsMeasured(const Trial& trial) {
  return IsResult(trial) && VerifiedAccuracyPpm(trial).has_value();
}

}  // namespace

void TaskBook::Put(const Task& task, const DatasetManifest* manifest) {
  if (IsEnded(task.state)) return Forget(task.id);
  if (!tasks_.contains(task.id)) {
    TaskIndex& index = indexes_[task.id];
    ARCHPOOL_CHECK(manifest != nullptr);
    index.manifest = *manifest;
    index.boxes = BoxIndex(*task.spec, high_reward_share_ppm_);
    index.networks = NetworkIndex(task.spec->recipe);
  }
  tasks_[task.id] = task;
  const std::pair place(std::ssize(indexes_[task.id].leases), task.id);
  if (task.state == TaskState::kActive) {
    by_leases_.insert(place);
  } else {
    by_leases_.erase(place);
  }
}

void TaskBook::Put(const SubspaceRecord& box) {
  TaskIndex& index = indexes_.at(box.task);
  const SubspaceRecord* before = FindIn(boxes_, box.id);
  index.boxes.Put(before, box);
  index.memory.walks.erase(box.id);
  if (before != nullptr && IsDone(before->state) && !IsDone(box.state)) {
    index.memory.GiveBack(box.box);
  }
  boxes_[box.id] = box;
}

void TaskBook::Put(const Trial& trial) {
  TaskIndex& index = indexes_.at(trial.task);
  std::unique_ptr<Trial>& held = trials_[trial.id];
  const Trial* before = held.get();
  const bool is_new = before == nullptr;
  if (is_new || !IsSameResult(*before, trial)) ++index.memory.results_version;
  ++index.memory.trials_version;
  if (is_new) index.trials.insert(trial.id);
  const bool is_awaited = IsAwaited(trial);
  const bool was_awaited = !is_new && IsAwaited(*before);
  if (is_awaited && !was_awaited) awaited_.insert(trial.id);
  if (!is_awaited && was_awaited) awaited_.erase(trial.id);
  IndexClaim(index, before, trial);
  const TaskSpec& spec = *tasks_.at(trial.task).spec;
  index.examined_units += ExaminedUnits(spec, index.manifest, trial);
  if (is_new) {
    index.networks.Add(trial);
    by_box_[trial.subspace].insert(trial.id);
  } else {
    index.examined_units -= ExaminedUnits(spec, index.manifest, *before);
    index.tally.Count(*before, index.manifest, -1);
  }
  // Money moves long after: the box need not be told.
  const bool counts_alike = !is_new && CountsAlike(*before, trial);
  if (!is_new && !counts_alike) {
    CountNetwork(index, *before, -1);
    Move(*before, trial);
    // A task that finishes gives nothing out any more.
    if (trial.rung == 0 && HoldsNetwork(before->state) &&
        !HoldsNetwork(trial.state) &&
        tasks_.at(trial.task).state == TaskState::kActive) {
      index.memory.GiveBack(trial.architecture_id);
    }
  }
  if (is_new) {
    held = std::make_unique<Trial>(trial);
  } else {
    *held = trial;
  }
  index.tally.Count(trial, index.manifest, +1);
  if (!counts_alike) CountNetwork(index, trial, +1);
}

void TaskBook::Move(const Trial& before, const Trial& trial) {
  if (before.subspace == trial.subspace) return;
  RemoveFrom(by_box_, before.subspace, trial.id);
  by_box_[trial.subspace].insert(trial.id);
}

// The boxes are searched by the first rung alone: one scale for all.
void TaskBook::CountNetwork(TaskIndex& index, const Trial& trial,
                            int64_t sign) {
  std::optional<int64_t> ppm;
  if (trial.state == TrialState::kAccepted) {
    ppm =
        ValidationCorrect(trial) * 1'000'000 / index.manifest.validation_count;
  }
  index.networks.Count(trial, ppm.value_or(0), sign);
  if (trial.rung == 0 && HoldsNetwork(trial.state)) {
    index.boxes.Count(trial.subspace, trial.id, ppm, sign);
  }
}

void TaskBook::IndexClaim(TaskIndex& index, const Trial* before,
                          const Trial& trial) {
  const bool was_measured = before != nullptr && IsMeasured(*before);
  const bool is_measured = IsMeasured(trial);
  if (was_measured && is_measured &&
      ValidationCorrect(*before) == ValidationCorrect(trial)) {
    return;  // what is trained, and so what it costs, never changes
  }
  if (was_measured) {
    index.claims.Erase(ValidationCorrect(*before), before->macs);
  }
  if (is_measured) index.claims.Insert(ValidationCorrect(trial), trial.macs);
}

void TaskBook::Put(const Ranking& ranking) {
  TaskIndex& index = indexes_.at(ranking.task);
  index.memory.ranking.clear();
  index.memory.ranking.reserve(ranking.candidates.size());
  for (const Architecture& architecture : ranking.candidates) {
    index.memory.ranking.push_back({.architecture = architecture});
  }
  index.memory.ranking_begin = 0;
  index.verdicts_seen = ranking.verdicts_seen;
}

void TaskBook::PutLease(TaskId task, LeaseId lease, bool is_active) {
  absl::btree_set<LeaseId>& leases = indexes_.at(task).leases;
  if (leases.contains(lease) == is_active) return;
  const bool was_counted = by_leases_.erase({std::ssize(leases), task}) > 0;
  if (is_active) {
    leases.insert(lease);
  } else {
    leases.erase(lease);
  }
  if (was_counted) by_leases_.insert({std::ssize(leases), task});
}

void TaskBook::PutAudit(TaskId task, AuditId audit, bool is_open) {
  absl::btree_set<AuditId>& audits = indexes_.at(task).audits;
  if (is_open) {
    audits.insert(audit);
  } else {
    audits.erase(audit);
  }
}

const SubspaceRecord* TaskBook::Find(SubspaceId id) const {
  const SubspaceRecord* found = FindIn(boxes_, id);
  return found == nullptr || IsForgotten(found->task) ? nullptr : found;
}

const Trial* TaskBook::Find(TrialId id) const {
  const std::unique_ptr<Trial>* found = FindIn(trials_, id);
  return found == nullptr || IsForgotten((*found)->task) ? nullptr
                                                         : found->get();
}

const TaskIndex& TaskBook::IndexOf(TaskId task) const {
  const TaskIndex* index = FindIn(indexes_, task);
  ARCHPOOL_CHECK(index != nullptr);
  return *index;
}

void TaskBook::Forget(TaskId task) {
  by_leases_.erase({0, task});
  tasks_.erase(task);
  const auto found = indexes_.find(task);
  if (found == indexes_.end()) return;
  ARCHPOOL_CHECK(found->second.leases.empty() && found->second.audits.empty());
  forgotten_.insert(indexes_.extract(found));
  ForgetSome(kForgottenAtOnce);
}

void TaskBook::ForgetSome(int64_t count) {
  while (!forgotten_.empty()) {
    TaskIndex& index = forgotten_.begin()->second;
    for (; !index.trials.empty(); --count) {
      if (count <= 0) return;
      trials_.erase(*index.trials.begin());
      awaited_.erase(*index.trials.begin());
      index.trials.erase(index.trials.begin());
    }
    for (; !index.boxes.ids().empty(); --count) {
      if (count <= 0) return;
      const SubspaceId id = *index.boxes.ids().begin();
      boxes_.erase(id);
      by_box_.erase(id);
      index.boxes.Forget(id);
    }
    forgotten_.erase(forgotten_.begin());
  }
}

}  // namespace archpool
