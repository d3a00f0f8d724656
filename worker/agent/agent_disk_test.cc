// SPDX-License-Identifier: Apache-2.0
// What an agent makes of what its disk holds: after a restart, a crash, a loss,
// and where two trials are trained alike.
#include <filesystem>
#include <thread>

#include "absl/time/clock.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/agent_fixture.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Asked long after, and after a restart.
TEST_F(AgentTest, AnswersForWhatItTrainedBefore) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  ASSERT_TRUE(Run().ok());
  pool_.audited = {{1, 5}};
  stop_ = std::stop_source();
  ASSERT_TRUE(Run().ok());
  ExpectAnswered(pool_, 1, 5);
  EXPECT_EQ(trainer_.trainings, 1);
  pool_.settled = {1};
  pool_.audited.clear();
  stop_ = std::stop_source();
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE((*CheckpointVault::Open(directory_ + "/training", 1 << 20))
                  ->Kept()
                  .empty());
}

// The disk had no room for all of it.
TEST_F(AgentTest, TrainsAgainWhatIsAskedForAndLost) {
  vault_bytes_ = 4'000;  // of about 5,000 a training
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 2)};
  pool_.on_idle = [this] {
    if (!pool_.audited.empty() && pool_.openings.contains(1)) {
      stop_.request_stop();
    }
    pool_.audited = {{1, 9}};
  };
  ASSERT_TRUE(Run().ok());
  ExpectAnswered(pool_, 1, 9);
  EXPECT_EQ(trainer_.trainings, 3);
}

// The same network for the same account, under two trials: what becomes of the
// first must not reach the second.
TEST_F(AgentTest, ForgetsATrialWhileItTrainsAnotherOfItsKey) {
  wire::WorkLease again = testing::SampleLease(dataset_, 2, 2, 1);
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1), again};
  pool_.leases[1].assignments[0].trial_key =
      pool_.leases[0].assignments[0].trial_key;
  trainer_.before_training = [this](const StepCallback&) {
    if (trainer_.trainings != 2) return;
    while (pool_.IsForgotten(1)) absl::SleepFor(absl::Milliseconds(1));
    pool_.Settle(1);
    while (!pool_.IsForgotten(1)) absl::SleepFor(absl::Milliseconds(1));
  };
  pool_.audited = {{2, 7}};
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ReportedTrials(), ElementsAre(1, 2));
  EXPECT_EQ(pool_.reports[1].checkpoint_root, pool_.reports[2].checkpoint_root);
  ExpectAnswered(pool_, 2, 7);
}

// Both are on the way at once, or would be, were the server there.
TEST_F(AgentTest, ReportsBothTrialsOfAKey) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 2)};
  pool_.leases[0].assignments[1].trial_key =
      pool_.leases[0].assignments[0].trial_key;
  trainer_.before_training = [this](const StepCallback&) {
    pool_.SetAway(trainer_.trainings == 1 ? 1'000'000 : 0);
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ReportedTrials(), ElementsAre(1, 2));
  EXPECT_THAT(pool_.uploads, ElementsAre(1, 2));
  EXPECT_THAT(JournalLeft(), IsEmpty());
}

// Somebody tidied up this disk between a crash and the next start.
TEST_F(AgentTest, TrainsAgainWhatItsDiskLost) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  trainer_.crash_at = 7;
  ASSERT_TRUE(Run().ok());
  trainer_.crash_at = -1;
  trainer_.before_training = [this](const StepCallback&) {
    std::filesystem::remove_all(directory_ + "/training");
  };
  pool_.over.clear();
  stop_ = std::stop_source();
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ReportedTrials(), ElementsAre(1));
}

// Out of memory, and a supervisor that starts it again.
TEST_F(AgentTest, GivesBackWhatKilledItTwice) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 2)};
  const Digest killer = pool_.leases[0].assignments[0].trial_key;
  for (int death = 0; death < 2; ++death) {
    ASSERT_TRUE(
        AttemptLog::Load(directory_ + "/attempts.json")->Begin(killer, 0).ok());
  }
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(trainer_.trainings, 1);
  EXPECT_THAT(ReportedTrials(), ElementsAre(2));
  EXPECT_THAT(pool_.released, ElementsAre(1));
  EXPECT_THAT(pool_.impossible, ElementsAre(TrialId{1}));
  // For good.
  EXPECT_EQ(AttemptLog::Load(directory_ + "/attempts.json")->DeathsOf(killer),
            2);
}

TEST_F(AgentTest, GivesBackWhatHasNotItsCheckpoints) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  trainer_.hides_checkpoints = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(trainer_.trainings, 2);
  EXPECT_THAT(ReportedTrials(), IsEmpty());
  EXPECT_THAT(pool_.released, ElementsAre(1));
}

TEST_F(AgentTest, GoesOnAfterACrashFromItsLastCheckpoint) {
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  trainer_.crash_at = 7;
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ReportedTrials(), IsEmpty());
  trainer_.crash_at = -1;
  pool_.over.clear();
  pool_.audited = {{1, 7}};
  stop_ = std::stop_source();
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(trainer_.went_on_from, ElementsAre(0, 6));
  ExpectAnswered(pool_, 1, 7);
}

// What was trained before a crash is reported, not trained again.
TEST_F(AgentTest, DeliversAfterARestartWhatWasTrainedBefore) {
  const wire::WorkLease lease = testing::SampleLease(dataset_, 1, 1, 2);
  {
    const auto journal = *TrialJournal::Open(directory_ + "/trials");
    TrialCommitment commitment;
    commitment.trial = TrialId{1};
    commitment.lease = LeaseId{1};
    commitment.attempt = 1;
    ASSERT_TRUE(
        journal->Add(lease.assignments[0].trial_key, commitment, "bytes").ok());
  }
  pool_.leases = {lease};
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(trainer_.trainings, 1);
  EXPECT_THAT(pool_.uploads, ElementsAre(1, 2));
}

// Committed before a crash: the report is over, the upload is not.
TEST_F(AgentTest, UploadsAfterARestartWhatWasCommittedBefore) {
  {
    const auto journal = *TrialJournal::Open(directory_ + "/trials");
    TrialCommitment commitment;
    commitment.trial = TrialId{8};
    commitment.lease = LeaseId{1};
    const absl::StatusOr<JournalEntry> entry =
        journal->Add(Sha256("key"), commitment, "bytes");
    ASSERT_TRUE(entry.ok());
    ASSERT_TRUE(journal->MarkCommitted(entry->id()).ok());
    pool_.reports[8] = entry->commitment;
    pool_.over = {1};
  }
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.uploads, ElementsAre(8));
  EXPECT_THAT(JournalLeft(), IsEmpty());
}

// As where there are fewer lanes than before: the lease is continued, what
// was trained is delivered, and nothing more is asked for.
TEST_F(AgentTest, FinishesWhatAnEarlierStartLeft) {
  pool_.on_idle = nullptr;
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 3)};
  pool_.settled = {1, 2, 3};
  only_finishes_ = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_FALSE(stop_.stop_requested());
  EXPECT_THAT(ReportedTrials(), ElementsAre(1, 2, 3));
  EXPECT_THAT(pool_.uploads, ElementsAre(1, 2, 3));
  EXPECT_THAT(pool_.released, IsEmpty());
  EXPECT_TRUE(
      (*CheckpointVault::Open(directory_ + "/training", 1 << 20))->IsEmpty());
}

TEST_F(AgentTest, IsNotFinishedWhileAnAuditMayAsk) {
  int idle = 0;
  pool_.on_idle = [&] {
    if (++idle == 1) pool_.audited = {{1, 5}};
    if (pool_.openings.contains(1)) pool_.settled = {1};
  };
  pool_.leases = {testing::SampleLease(dataset_, 1, 1, 1)};
  only_finishes_ = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_FALSE(stop_.stop_requested());
  EXPECT_GT(idle, 1);
  ExpectAnswered(pool_, 1, 5);
}

// Whose fault it was that the worker ended is known the next time.
TEST_F(AgentTest, TrainsByItselfWhatItEndedWith) {
  wire::WorkLease lease = testing::SampleLease(dataset_, 1, 1, 2);
  pool_.leases = {lease};
  const Digest& key = lease.assignments[0].trial_key;
  ASSERT_TRUE(
      AttemptLog::Load(directory_ + "/attempts.json")->Begin(key, 0).ok());
  lanes_ = {.lanes = 2, .threads = 3};
  threads_ = 7;
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(trainer_.threads, ElementsAre(7, 3));
}

}  // namespace
}  // namespace archpool
