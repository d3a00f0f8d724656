// SPDX-License-Identifier: Apache-2.0
// Views follow what is committed, and no read of an open task looks at all of
// its trials.
#include "server/rpc/task_views.h"

#include <memory>
#include <optional>
#include <vector>

#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/storage/memory_store.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool::rpc {
namespace {

// A database in which one task has ended, and whose reads are counted.
class CountedReads : public MemoryStore {
 public:
  absl::StatusOr<Task> GetTask(TaskId task) override {
    if (task == ended.id) return ended;
    return NotFound("TASK_UNKNOWN", "there is no such task");
  }
  absl::StatusOr<DatasetRecord> GetDataset(const Digest& id) override {
    DatasetRecord dataset;
    dataset.id = id;
    dataset.manifest = TinyManifest();
    return dataset;
  }
  absl::StatusOr<std::vector<Trial>> TrialsIn(TaskId, AccountId, TrialId,
                                              int64_t) override {
    ++trial_reads;
    return std::vector<Trial>();
  }

  absl::StatusOr<std::vector<SummaryRecord>> Summaries(
      const std::vector<TaskId>& tasks) override {
    EXPECT_EQ(tasks, std::vector<TaskId>{ended.id});
    if (!stored) return std::vector<SummaryRecord>();
    return std::vector{*stored};
  }
  absl::StatusOr<Trial> GetTrial(TrialId id) override {
    for (const Trial& trial : front) {
      if (trial.id == id) return trial;
    }
    return NotFound("TRIAL_UNKNOWN", "there is no such trial");
  }

  Task ended;
  std::optional<SummaryRecord> stored;
  std::vector<Trial> front;
  int trial_reads = 0;
};

class TaskViewsTest : public ::testing::Test {
 protected:
  TaskViewsTest() { reader_.ended = MakeTask(9, TaskState::kCancelled); }

  static Task MakeTask(int64_t id, TaskState state) {
    Task task;
    task.id = {id};
    task.client = {7};
    task.spec = std::make_shared<const TaskSpec>(TinySpec(4));
    task.state = state;
    return task;
  }
  static Trial MakeTrial(int64_t id, TrialState state) {
    Trial trial;
    trial.id = {id};
    trial.task = {1};
    trial.account = {8};
    trial.state = state;
    return trial;
  }
  TaskSummary SummaryOf(int64_t id) {
    const auto view = views_.Get(TaskId{id});
    EXPECT_THAT(view, IsOk());
    return view.ok() ? (*view)->summary : TaskSummary();
  }

  CountedReads reader_;
  TaskViews views_{reader_, 2};
};

TEST_F(TaskViewsTest, AnOpenTaskIsKeptAsItChanges) {
  // In whatever order.
  const std::vector<Event> loaded = {MakeTrial(1, TrialState::kAssigned),
                                     MakeTask(1, TaskState::kActive),
                                     MakeTrial(2, TrialState::kAssigned)};
  views_.Load(loaded);
  EXPECT_EQ(SummaryOf(1).trials_assigned, 2);
  EXPECT_EQ(*views_.ClientOf(TaskId{1}), AccountId{7});
  const auto before = *views_.Get(TaskId{1});
  EXPECT_EQ(before, *views_.Get(TaskId{1})) << "nothing has changed";
  const std::vector<Event> changed = {MakeTrial(2, TrialState::kAbandoned),
                                      MakeTrial(3, TrialState::kAssigned)};
  views_.Apply(changed);
  EXPECT_EQ(SummaryOf(1).trials_assigned, 2);
  EXPECT_EQ(SummaryOf(1).trials_abandoned, 1);
  EXPECT_EQ(before->summary.trials_abandoned, 0) << "it is as it was shown";
  const std::vector<Event> end = {MakeTask(1, TaskState::kCancelled)};
  views_.Apply(end);
  EXPECT_EQ((*views_.Get(TaskId{1}))->task.state, TaskState::kCancelled);
  EXPECT_EQ(SummaryOf(1).trials_abandoned, 1);
  EXPECT_EQ(reader_.trial_reads, 0);
}

TEST_F(TaskViewsTest, AnEndedTaskIsReadOnce) {
  SummaryOf(9);
  SummaryOf(9);
  EXPECT_EQ(reader_.trial_reads, 1);
  EXPECT_EQ(*views_.ClientOf(TaskId{9}), AccountId{7});
  views_.Load({});
  SummaryOf(9);
  EXPECT_EQ(reader_.trial_reads, 2) << "a commit in doubt may have changed it";
}

// What was stored with its end is shown, and of its trials the front alone is
// read.
TEST_F(TaskViewsTest, AnEndedTaskThatWasSummedUpIsNotSummedUpAgain) {
  Trial best = MakeTrial(5, TrialState::kAccepted);
  VerdictIn(best).verified_accuracy_ppm = 800'000;
  reader_.front = {best};
  SummaryRecord stored{.task = {9}, .subspaces = 6, .front = {best.id}};
  stored.sums.trials_accepted = 70;
  stored.sums.rejected_by_reason = {{"CLAIM_FALSE", 2}};
  stored.sums.shares = {{.account = {8}, .trials_accepted = 70}};
  stored.best_accuracy_ppm = 800'000;
  reader_.stored = stored;
  const auto view = views_.Get(TaskId{9});
  ASSERT_THAT(view, IsOk());
  EXPECT_EQ((*view)->subspaces, 6);
  const TaskSummary& summary = (*view)->summary;
  EXPECT_EQ(static_cast<const TaskSums&>(summary), stored.sums);
  EXPECT_EQ(summary.front, std::vector<Trial>{best});
  EXPECT_EQ(summary.best, best);
  EXPECT_EQ(reader_.trial_reads, 0);
}

TEST_F(TaskViewsTest, WhatIsNotThereIsUnknown) {
  EXPECT_THAT(views_.Get(TaskId{5}), FailsWith("TASK_UNKNOWN"));
  EXPECT_THAT(views_.ClientOf(TaskId{5}), FailsWith("TASK_UNKNOWN"));
}

}  // namespace
}  // namespace archpool::rpc
