// SPDX-License-Identifier: Apache-2.0
// The index over an open task after many random changes is that of a book that
// was told the latest records alone, in the order of their ids.
#include "server/core/books/task_book.h"

#include <vector>

#include "common/base/counter_rng.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr int64_t kShare = 250'000;
constexpr int64_t kBoxes = 8;
constexpr int64_t kTrials = 12;

class TaskBookTest : public testing::Test {
 protected:
  TaskBookTest() {
    TaskSpec spec = TinySpec(8);
    spec.recipe.further_epochs = {1};
    spec.subspaces = kBoxes;
    task.id = {1};
    task.spec = std::make_shared<const TaskSpec>(spec);
    book.Put(task, &manifest);
    const std::vector<Subspace> boxes = Partition(spec.space, kBoxes, kBoxes);
    for (int64_t i = 1; i <= kBoxes; ++i) {
      book.Put(SubspaceRecord{.id = {i},
                              .task = task.id,
                              .box = boxes[static_cast<size_t>(i - 1)]});
    }
  }
  // Some state that a trial may be in, with what goes with it.
  Trial Random(int64_t id, CounterRng& rng) {
    Trial trial;
    trial.id = {id};
    trial.task = task.id;
    trial.rung = id % 4 == 0 ? 1 : 0;
    trial.account = {1 + id % 3};
    trial.architecture_id = Sha256(std::to_string(id % 5));
    trial.subspace = {1 + rng.Below(kBoxes)};
    trial.work_units = 1 + rng.Below(9);
    trial.macs = 1 + id % 3;
    trial.state = static_cast<TrialState>(rng.Below(6));
    trial.is_at_chance = rng.Below(3) == 0;
    trial.commitment = Commitment();
    trial.commitment->commit_time = absl::FromUnixSeconds(id);
    trial.commitment->claimed_correct = id * 83 % 1'000;
    if (trial.state == TrialState::kAccepted) {
      VerdictIn(trial).basis =
          id % 2 == 0 ? TrialBasis::kAudited : TrialBasis::kReplayed;
      VerdictIn(trial).is_matured = rng.Below(2) == 0;
      if (rng.Below(2) == 0) {
        trial.measured =
            Measured{trial.commitment->claimed_correct, rng.Below(1'000)};
        VerdictIn(trial).verified_accuracy_ppm =
            trial.measured->held_out_correct * 1'000;
      }
    }
    if (trial.state == TrialState::kRejected) {
      SetSettlement(trial, {.pay = rng.Below(2)});
    }
    if (trial.state == TrialState::kAbandoned && rng.Below(2) == 0) {
      trial.reason = rng.Below(2) == 0 ? kSuperseded : kImpossible;
    }
    return trial;
  }

  const DatasetManifest manifest = TinyManifest();
  Task task;
  TaskBook book{kShare};
};

void ExpectSame(const TaskIndex& a, const TaskIndex& b) {
  const TrialTally& t = a.tally;
  const TrialTally& u = b.tally;
  EXPECT_EQ(t.assigned, u.assigned);
  EXPECT_EQ(t.pending, u.pending);
  EXPECT_EQ(t.pending_at_chance, u.pending_at_chance);
  EXPECT_EQ(t.accepted, u.accepted);
  EXPECT_EQ(t.reserved_units, u.reserved_units);
  EXPECT_EQ(t.reserved_units_by, u.reserved_units_by);
  EXPECT_EQ(t.accepted_units, u.accepted_units);
  EXPECT_EQ(t.immature, u.immature);
  EXPECT_EQ(t.above_chance, u.above_chance);
  EXPECT_EQ(t.learnt, u.learnt);
  EXPECT_EQ(t.at_chance, u.at_chance);
  EXPECT_EQ(t.at_chance_by, u.at_chance_by);
  EXPECT_EQ(t.replayed_gaps_ppm, u.replayed_gaps_ppm);
  EXPECT_EQ(a.networks.taken, b.networks.taken);
  EXPECT_EQ(a.networks.promoted, b.networks.promoted);
  EXPECT_EQ(a.networks.rejected, b.networks.rejected);
  EXPECT_EQ(a.networks.abandoned, b.networks.abandoned);
  EXPECT_EQ(a.trials, b.trials);
  EXPECT_EQ(a.boxes.open(), b.boxes.open());
  EXPECT_EQ(a.boxes.done_count(), b.boxes.done_count());
  EXPECT_EQ(a.boxes.BestReward(), b.boxes.BestReward());
  for (const auto& [box, score] : a.boxes.scores()) {
    EXPECT_EQ(score.trials, b.boxes.scores().at(box).trials);
    EXPECT_EQ(score.RewardPpm(), b.boxes.scores().at(box).RewardPpm());
    EXPECT_EQ(a.boxes.IsHighReward(box), b.boxes.IsHighReward(box));
  }
  for (int64_t correct = 0; correct <= 1'000; correct += 25) {
    for (int64_t macs = 1; macs <= 3; ++macs) {
      EXPECT_EQ(a.claims.IsTop(correct, macs), b.claims.IsTop(correct, macs));
    }
  }
}

TEST_F(TaskBookTest, AnIndexIsWhatTheLatestRecordsSay) {
  CounterRng rng(4, 0);
  for (int i = 0; i < 600; ++i) {
    const Trial trial = Random(1 + rng.Below(kTrials), rng);
    book.Put(trial);
    SubspaceRecord box = *book.Find(SubspaceId{1 + rng.Below(kBoxes)});
    box.state = static_cast<SubspaceState>(rng.Below(4));
    book.Put(box);

    TaskBook anew(kShare);
    anew.Put(task, &manifest);
    book.ForEachBox([&](const SubspaceRecord& one) { anew.Put(one); });
    book.ForEachTrial([&](const Trial& one) { anew.Put(one); });
    ExpectSame(book.IndexOf(task.id), anew.IndexOf(task.id));
    EXPECT_EQ(book.awaited(), anew.awaited());
    for (int64_t box_id = 1; box_id <= kBoxes; ++box_id) {
      EXPECT_EQ(book.TrialsIn({box_id}), anew.TrialsIn({box_id}));
    }
    if (HasFailure()) FAIL() << "at change " << i;
  }
}

TEST_F(TaskBookTest, TasksAreInTheOrderOfTheirLeases) {
  Task other = task;
  other.id = {2};
  book.Put(other, &manifest);
  book.PutLease({1}, {10}, true);
  book.PutLease({1}, {10}, true);  // renewed
  EXPECT_EQ(book.by_leases().begin()->second, TaskId{2});
  book.PutLease({2}, {11}, true);
  book.PutLease({2}, {12}, true);
  EXPECT_EQ(book.by_leases().begin()->second, TaskId{1});
  other.state = TaskState::kFinishing;
  book.Put(other, &manifest);
  book.PutLease({2}, {11}, false);
  book.PutLease({2}, {12}, false);
  EXPECT_EQ(book.by_leases().size(), 1u);
}

// Gone at once as far as anybody can see, and freed a few at a time.
TEST_F(TaskBookTest, AnEndedTaskIsGoneAndFreedInPieces) {
  constexpr int64_t kMany = 5'000;
  for (int64_t i = 1; i <= kMany; ++i) {
    Trial trial;
    trial.id = {i};
    trial.task = task.id;
    trial.subspace = {1};
    trial.architecture_id = Sha256(std::to_string(i));
    book.Put(trial);
  }
  task.state = TaskState::kSucceeded;
  book.Put(task, nullptr);
  EXPECT_EQ(book.Find(task.id), nullptr);
  EXPECT_EQ(book.Find(TrialId{kMany}), nullptr);
  EXPECT_EQ(book.Find(SubspaceId{1}), nullptr);
  int64_t seen = 0;
  book.ForEachTrial([&](const Trial&) { ++seen; });
  EXPECT_EQ(seen, 0);
  for (int i = 0; i < 10; ++i) book.ForgetSome(1'000);
  EXPECT_TRUE(book.TrialsIn({1}).empty());
}

}  // namespace
}  // namespace archpool
