// The agent over a pool in memory that does what a test's script says.
#include "worker/agent/agent.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_network.h"
#include "tests/support/fake_pool.h"
#include "tests/support/work_samples.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr RetryPolicy kQuick = {.pause_min = absl::Milliseconds(1),
                                .pause_max = absl::Milliseconds(4)};

// Trains as FakeTrainer, at once, and lets a test step in.
class ScriptedTrainer : public testing::FakeTrainer {
 public:
  ScriptedTrainer() : FakeTrainer(4, absl::ZeroDuration()) {}
  absl::StatusOr<TrainingResult> Train(
      const TrainingRequest& request, const StepCallback& on_step,
      const CheckpointCallback& on_checkpoint) override {
    ++trainings;
    went_on_from.push_back(request.from == nullptr ? 0
                                                   : request.from->boundary);
    if (!refusal.ok()) return refusal;
    if (before_training) before_training(on_step);
    return FakeTrainer::Train(
        request, on_step, [&](const Checkpoint& checkpoint) -> absl::Status {
          if (checkpoint.boundary == crash_at) {
            return absl::AbortedError("crash");
          }
          return on_checkpoint(checkpoint);
        });
  }

  int trainings = 0;
  int64_t crash_at = -1;  // a boundary
  std::vector<int64_t> went_on_from;
  absl::Status refusal;
  std::function<void(const StepCallback&)> before_training;
};

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() : pool_(dataset_) {
    pool_.on_idle = [this] { stop_.request_stop(); };
  }
  void SetUp() override { directory_ = testing::MakeTempDirectory(); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Runs an agent until the pool is idle, or until a test stops it.
  absl::Status Run() {
    absl::StatusOr<std::unique_ptr<TrialJournal>> journal =
        TrialJournal::Open(directory_ + "/trials");
    EXPECT_TRUE(journal.ok()) << journal.status();
    TrainingDataCache data(pool_, BlobCache(directory_ + "/blobs", 1 << 20));
    const SystemClock clock;
    AgentOptions options;
    options.idle_pause = absl::Milliseconds(1);
    options.retry = kQuick;
    CheckpointCache checkpoints(
        pool_, BlobCache(directory_ + "/checkpoints", 1 << 20));
    const auto vault =
        CheckpointVault::Open(directory_ + "/training", vault_bytes_);
    EXPECT_TRUE(vault.ok()) << vault.status();
    Agent agent(clock, pool_, trainer_, data, checkpoints, **vault, **journal,
                options);
    return agent.Run(stop_.get_token());
  }

  // A lease on trial 2, which goes on from trial 1's weights.
  wire::WorkLease SecondRung(const Digest& weights, int64_t size_bytes) {
    wire::WorkLease lease = testing::SampleLease(dataset_, 2, 2, 1);
    lease.recipe.further_epochs = {2};
    wire::WorkAssignment& assignment = lease.assignments[0];
    assignment.rung = 1;
    assignment.resumes = TrialId{1};
    assignment.initial_weights = weights;
    assignment.initial_weights_size_bytes = size_bytes;
    return lease;
  }
  std::vector<int64_t> ReportedTrials() {
    std::vector<int64_t> trials;
    for (const auto& [trial, report] : pool_.reports) trials.push_back(trial);
    return trials;
  }
  std::vector<JournalEntry> JournalLeft() {
    return (*TrialJournal::Open(directory_ + "/trials"))->Entries();
  }

  testing::SampleDataset dataset_;
  FakePool pool_;
  ScriptedTrainer trainer_;
  std::stop_source stop_;
  std::string directory_;
  int64_t vault_bytes_ = 1 << 20;
};

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

// The opening must be the commitment's, and its files must have come.
void ExpectAnswered(const FakePool& pool, int64_t trial, int64_t segment) {
  ASSERT_TRUE(pool.openings.contains(trial));
  const Opening& opening = pool.openings.at(trial);
  EXPECT_TRUE(
      IsOpening(pool.reports.at(trial).checkpoint_root, 16, segment, opening));
  if (segment == 0) return;
  EXPECT_TRUE(pool.checkpoints_sent.at(trial).contains(opening.begin.weights));
  EXPECT_TRUE(
      pool.checkpoints_sent.at(trial).contains(opening.begin.optimizer));
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

// The next rung goes on from what lies on this worker's disk.
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

// Training must go on while reports cannot be delivered.
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

// Somebody else was first with a trial: the rest of the lease goes on.
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
    ASSERT_TRUE(journal->MarkCommitted(entry->trial_key).ok());
    pool_.reports[8] = entry->commitment;
    pool_.over = {1};
  }
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(pool_.uploads, ElementsAre(8));
  EXPECT_THAT(JournalLeft(), IsEmpty());
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
