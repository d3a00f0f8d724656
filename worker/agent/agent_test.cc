// SPDX-License-Identifier: Apache-2.0
// The agent over a pool in memory that does what a test's script says.
#include "worker/agent/agent.h"

#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/agent_fixture.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(AgentTest, TrainsReportsAndUploadsEachTrialOnce) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 3),
                  testing::SampleLease(dataset_, 2, 4, 2)};
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(trainer_.trainings, 5);
  EXPECT_THAT(ReportedTrials(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(pool_.uploads, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(pool_.released, IsEmpty());
  EXPECT_THAT(JournalLeft(), IsEmpty());
  const TrialCommitment& report = pool_.reports[4];
  EXPECT_EQ(report.lease, LeaseId{2});
  EXPECT_EQ(report.attempt, 1);
  EXPECT_GE(report.validation_correct, 6);
}

TEST_F(AgentTest, LaysOpenWhatIsAudited) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 3)};
  pool_.audited = {{1, 0}, {3, 7}};
  ASSERT_TRUE(Run().ok());
  ExpectAnswered(pool_, 1, 0);
  ExpectAnswered(pool_, 3, 7);
  EXPECT_FALSE(pool_.openings.contains(2));
  EXPECT_EQ(trainer_.trainings, 3);
}

TEST_F(AgentTest, EveryCommitmentNamesItsWeights) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  ASSERT_TRUE(Run().ok());
  const TrialCommitment& report = pool_.reports.at(1);
  EXPECT_TRUE(IsCheckpoint(
      report.checkpoint_root, 16, 16,
      CheckpointDigest(16, report.weights_digest, report.final_optimizer),
      report.final_proof));
}

TEST_F(AgentTest, SaysAtWhichStepATrainingDiverged) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  trainer_.diverges_at = 0;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(pool_.reports.at(1).diverged_at_step, 0);
}

TEST_F(AgentTest, BacksOffWhereItsNameIsTaken) {
  pool_.open_refusal = FailedPrecondition("WORKER_NAME_IN_USE", "taken");
  std::thread later([this] {
    while (pool_.OpenCalls() < 3) absl::SleepFor(absl::Milliseconds(1));
    stop_.request_stop();
  });
  EXPECT_TRUE(Run().ok());
  later.join();
  EXPECT_EQ(trainer_.trainings, 0);
}

// The next rung continues from what lies on this worker's disk.
TEST_F(AgentTest, GoesOnFromItsOwnWeights) {
  wire::WorkLease first = testing::SampleLease(dataset_, 1, 1, 1);
  first.recipe.further_epochs = {2};
  pool_.leases = {first};
  ASSERT_TRUE(Run().ok());
  pool_.leases.push_back(SecondRung(pool_.reports[1].weights_digest,
                                    pool_.reports[1].weights_size_bytes));
  stop_ = std::stop_source();
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ReportedTrials(), ElementsAre(1, 2));
  EXPECT_GT(pool_.reports[2].validation_correct, 0);
  EXPECT_THAT(pool_.weights_read, IsEmpty());
}

// Another worker of the account trained the rung below.
TEST_F(AgentTest, FetchesWeightsThatItDoesNotHave) {
  TensorMap below;
  below["fake.accuracy"] = Tensor{{1}, {0.5f}};
  pool_.held_weights[1] = SerializeSafetensors(below);
  pool_.leases = {
      SecondRung(Sha256(pool_.held_weights[1]),
                 static_cast<int64_t>(pool_.held_weights[1].size()))};
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.weights_read, ElementsAre(1));
  EXPECT_THAT(ReportedTrials(), ElementsAre(2));
}

TEST_F(AgentTest, GivesBackWhatItCannotGoOnFrom) {
  pool_.leases = {SecondRung(Sha256("lost"), 100)};
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.released, ElementsAre(2));
  EXPECT_THAT(ReportedTrials(), IsEmpty());
}

TEST_F(AgentTest, WaitsForAServerThatIsAway) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  pool_.away_calls = 5;
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.uploads, ElementsAre(1));
}

// Training must continue while reports cannot be delivered.
TEST_F(AgentTest, TrainsOnWhileTheServerIsAway) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 2)};
  absl::Notification is_second_training;
  trainer_.before_training = [&](const StepCallback&) {
    if (trainer_.trainings == 1) pool_.SetAway(1'000'000);
    if (trainer_.trainings == 2) {
      pool_.SetAway(0);
      is_second_training.Notify();
    }
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(is_second_training.HasBeenNotified());
  EXPECT_THAT(pool_.uploads, ElementsAre(1, 2));
}

TEST_F(AgentTest, ReportsAgainWhereTheReplyWasLost) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  pool_.lost_replies = 2;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(trainer_.trainings, 1);
  EXPECT_THAT(pool_.uploads, ElementsAre(1));
}

TEST_F(AgentTest, OpensAnotherSessionWhereItsOwnIsUnknown) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  trainer_.before_training = [this](const StepCallback&) {
    pool_.ForgetSession();
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(pool_.sessions, 2);
  EXPECT_THAT(pool_.uploads, ElementsAre(1));
}

// A lease that ends takes the training under way with it, and only that.
TEST_F(AgentTest, StopsTrainingWhenTheLeaseEnds) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 2),
                  testing::SampleLease(dataset_, 2, 3, 1)};
  trainer_.before_training = [this](const StepCallback& on_step) {
    if (trainer_.trainings != 1) return;
    pool_.EndLease(1);
    while (on_step(1, 100)) absl::SleepFor(absl::Milliseconds(1));
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(trainer_.trainings, 2);
  EXPECT_THAT(ReportedTrials(), ElementsAre(3));
  EXPECT_THAT(pool_.released, IsEmpty());
}

// Somebody else was first with a trial: the rest of the lease continues.
TEST_F(AgentTest, StopsTrainingWhatIsWithdrawn) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 3)};
  trainer_.before_training = [this](const StepCallback& on_step) {
    if (trainer_.trainings != 1) return;
    pool_.WithdrawTrial(1);
    pool_.WithdrawTrial(2);
    while (on_step(1, 100)) absl::SleepFor(absl::Milliseconds(1));
    pool_.reports[1] = {};  // the pool has them, from somebody else
    pool_.reports[2] = {};
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(trainer_.trainings, 2);
  EXPECT_THAT(pool_.uploads, ElementsAre(3));
  EXPECT_THAT(pool_.released, IsEmpty());
}

TEST_F(AgentTest, TrainsWhatAListGrowsBy) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 2)};
  pool_.leases[0].trials_target = 5;
  pool_.growths[1] = testing::SampleLease(dataset_, 1, 3, 3).assignments;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(trainer_.trainings, 5);
  EXPECT_THAT(pool_.uploads, ElementsAre(1, 2, 3, 4, 5));
}

// No worker waits between two leases.
TEST_F(AgentTest, AsksForTheNextLeaseBeforeTheLastEnds) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 2),
                  testing::SampleLease(dataset_, 2, 3, 1)};
  trainer_.before_training = [this](const StepCallback&) {
    if (trainer_.trainings != 2) return;
    while (true) {
      absl::SleepFor(absl::Milliseconds(1));
      if (pool_.HasTakenAhead(2)) return;
    }
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.taken_ahead, ElementsAre(2));
  EXPECT_THAT(pool_.uploads, ElementsAre(1, 2, 3));
}

TEST_F(AgentTest, GivesBackALeaseThatItTookAhead) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1),
                  testing::SampleLease(dataset_, 2, 2, 1)};
  trainer_.before_training = [this](const StepCallback&) {
    while (!pool_.HasTakenAhead(2)) absl::SleepFor(absl::Milliseconds(1));
    stop_.request_stop();
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.released, ElementsAre(1, 2));
}

TEST_F(AgentTest, TellsThePoolHowFarItIs) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  trainer_.before_training = [this](const StepCallback& on_step) {
    on_step(3, 100);
    while (true) {
      absl::SleepFor(absl::Milliseconds(1));
      if (pool_.HasHeardAStepOf(1)) return;
    }
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(pool_.steps_heard.contains(1));
}

TEST_F(AgentTest, GivesTheLeaseBackWhenAskedToStop) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 3)};
  trainer_.before_training = [this](const StepCallback&) {
    if (trainer_.trainings == 2) stop_.request_stop();
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.uploads, ElementsAre(1));
  EXPECT_THAT(pool_.released, ElementsAre(1));
  EXPECT_EQ(trainer_.trainings, 2);
}

TEST_F(AgentTest, KeepsWhatItCannotDeliverForItsNextStart) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  pool_.upload_refusal = absl::InternalError("a bug");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(JournalLeft().size(), 1u);
  pool_.upload_refusal = absl::OkStatus();
  stop_ = std::stop_source();
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.uploads, ElementsAre(1));
  EXPECT_THAT(JournalLeft(), IsEmpty());
}

TEST_F(AgentTest, GivesUpATrialThatThePoolRefuses) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  pool_.upload_refusal = FailedPrecondition("UPLOAD_TOO_LATE", "too late");
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(JournalLeft(), IsEmpty());
}

TEST_F(AgentTest, GivesBackALeaseThatItCannotTrain) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 2)};
  trainer_.refusal = ResourceExhausted("TRAINING_OUT_OF_MEMORY", "too large");
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.released, ElementsAre(1));
  EXPECT_THAT(ReportedTrials(), IsEmpty());
}

TEST_F(AgentTest, KeepsAskingWhileItIsSuspended) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  pool_.acquire_refusals.assign(
      3, FailedPrecondition("ACCOUNT_SUSPENDED", "suspended"));
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.uploads, ElementsAre(1));
}

TEST_F(AgentTest, EndsWhereThePoolDoesNotKnowItsToken) {
  pool_.open_refusal = MakeError(absl::StatusCode::kUnauthenticated,
                                 "TOKEN_UNKNOWN", "no such token");
  EXPECT_EQ(GetReason(Run()), "TOKEN_UNKNOWN");
}

}  // namespace
}  // namespace archpool
