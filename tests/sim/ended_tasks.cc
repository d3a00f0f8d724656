// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/ended_tasks.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "gtest/gtest.h"
#include "server/core/views/task_summary.h"

namespace archpool {

void EndedTasks::Take(absl::Span<const Event> events) {
  std::set<TaskId> ending;
  for (const Event& event : events) {
    if (const auto* task = std::get_if<Task>(&event)) {
      tasks_[task->id] = *task;
      if (IsEnded(task->state)) ending.insert(task->id);
    } else if (const auto* trial = std::get_if<Trial>(&event)) {
      trials_[trial->id] = *trial;
    } else if (const auto* subspace = std::get_if<SubspaceRecord>(&event)) {
      subspaces_[subspace->id] = subspace->task;
    }
  }
  for (const Event& event : events) {
    const auto* summary = std::get_if<SummaryRecord>(&event);
    if (summary == nullptr) continue;
    EXPECT_TRUE(ending.contains(summary->task))
        << summary->task.ToString() << " does not end in the same commit";
    EXPECT_TRUE(summaries_.insert({summary->task, *summary}).second)
        << summary->task.ToString() << " was summed up twice";
  }
}

void EndedTasks::CheckOne(const Task& task,
                          const std::vector<Trial>& trials) const {
  SCOPED_TRACE(task.id.ToString());
  const auto found = summaries_.find(task.id);
  ASSERT_NE(found, summaries_.end());
  const SummaryRecord& stored = found->second;
  const TaskSummary anew = Summarize(trials);
  EXPECT_TRUE(stored.sums == static_cast<const TaskSums&>(anew));
  std::vector<TrialId> front;
  for (const Trial& trial : anew.front) front.push_back(trial.id);
  EXPECT_EQ(stored.front, front);
  EXPECT_EQ(stored.best_accuracy_ppm,
            anew.best ? VerifiedAccuracyPpm(*anew.best) : std::nullopt);
  EXPECT_EQ(
      stored.subspaces,
      std::count_if(subspaces_.begin(), subspaces_.end(),
                    [&](const auto& box) { return box.second == task.id; }));
}

int64_t EndedTasks::Check() const {
  std::map<TaskId, std::vector<Trial>> trials;
  for (const auto& [id, trial] : trials_) trials[trial.task].push_back(trial);
  int64_t telling = 0;
  for (const auto& [id, task] : tasks_) {
    EXPECT_EQ(summaries_.contains(id), IsEnded(task.state)) << id.ToString();
    if (!IsEnded(task.state)) continue;
    CheckOne(task, trials[id]);
    const auto stored = summaries_.find(id);
    if (stored != summaries_.end() && !stored->second.front.empty() &&
        stored->second.sums.trials_rejected > 0) {
      ++telling;
    }
  }
  return telling;
}

}  // namespace archpool
