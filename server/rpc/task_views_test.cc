// SPDX-License-Identifier: Apache-2.0
// Views follow what is committed, and no read of an open task looks at all of
// its trials.
#include "server/rpc/task_views.h"

#include <memory>
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

  Task ended;
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

TEST_F(TaskViewsTest, WhatIsNotThereIsUnknown) {
  EXPECT_THAT(views_.Get(TaskId{5}), FailsWith("TASK_UNKNOWN"));
  EXPECT_THAT(views_.ClientOf(TaskId{5}), FailsWith("TASK_UNKNOWN"));
}

}  // namespace
}  // namespace archpool::rpc
