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
#include "common/data/read_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_network.h"
#include "tests/support/work_samples.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr RetryPolicy kQuick = {.pause_min = absl::Milliseconds(1),
                                .pause_max = absl::Milliseconds(4)};

absl::Status Away() { return Unavailable("SERVER_UNREACHABLE", "away"); }

// A pool that hands out `leases` in turn, each until all its trials are
// reported, and calls `on_idle` once none is left.
class FakePool : public WorkClient {
 public:
  explicit FakePool(const testing::SampleDataset& dataset)
      : dataset_(dataset) {}

  absl::StatusOr<OpenedSession> OpenSession() override {
    const absl::MutexLock lock(&mutex_);
    if (!open_refusal.ok()) return open_refusal;
    if (away_calls > 0 && --away_calls >= 0) return Away();
    is_session_known = true;
    return OpenedSession{SessionId{++sessions}, absl::Milliseconds(1)};
  }

  absl::StatusOr<AcquiredLease> AcquireLease(
      SessionId /*session*/, const std::vector<LeaseId>& holding,
      absl::Duration wait, const std::stop_token& /*stop*/) override {
    const absl::MutexLock lock(&mutex_);
    const bool is_ahead = wait == absl::ZeroDuration();
    if (!is_session_known) return NotFound("SESSION_UNKNOWN", "who?");
    if (!acquire_refusals.empty()) {
      const absl::Status refusal = acquire_refusals.front();
      acquire_refusals.erase(acquire_refusals.begin());
      return refusal;
    }
    AcquiredLease acquired;
    for (const wire::WorkLease& lease : leases) {
      if (over.contains(lease.lease.value)) continue;
      if (std::count(holding.begin(), holding.end(), lease.lease) > 0) continue;
      wire::WorkLease rest = lease;
      rest.assignments.clear();
      for (const wire::WorkAssignment& assignment : lease.assignments) {
        if (!reports.contains(assignment.trial.value)) {
          rest.assignments.push_back(assignment);
        }
      }
      if (rest.assignments.empty()) continue;
      acquired.lease = rest;
      if (is_ahead) taken_ahead.push_back(lease.lease.value);
      return acquired;
    }
    acquired.idle_reason = "NO_OPEN_TASK";
    if (on_idle && !is_ahead) on_idle();
    return acquired;
  }

  absl::StatusOr<HeartbeatReply> Heartbeat(
      SessionId /*session*/, const HeartbeatReport& report) override {
    const absl::MutexLock lock(&mutex_);
    if (report.step > 0) steps_heard.insert(report.trial.value);
    HeartbeatReply reply;
    for (const LeaseId lease : report.leases) {
      if (over.contains(lease.value)) reply.ended.push_back(lease);
    }
    for (const int64_t trial : withdrawn) {
      reply.withdrawn.push_back(TrialId{trial});
    }
    return reply;
  }

  absl::StatusOr<std::vector<wire::WorkAssignment>> ReportTrial(
      SessionId /*session*/, const TrialCommitment& commitment,
      const wire::WorkLease* lease) override {
    const absl::MutexLock lock(&mutex_);
    if (!is_session_known) return NotFound("SESSION_UNKNOWN", "who?");
    if (away_calls > 0 && --away_calls >= 0) return Away();
    if (over.contains(commitment.lease.value)) {
      return FailedPrecondition("LEASE_ENDED", "too late");
    }
    reports[commitment.trial.value] = commitment;
    // The reply is lost: the agent cannot know that the report was taken.
    if (lost_replies > 0 && --lost_replies >= 0) return Away();
    std::vector<wire::WorkAssignment> appended;
    std::vector<wire::WorkAssignment>& growth = growths[commitment.lease.value];
    if (lease != nullptr && !growth.empty()) {
      appended = {growth.front()};
      growth.erase(growth.begin());
      for (wire::WorkLease& held : leases) {
        if (held.lease != commitment.lease) continue;
        held.assignments.push_back(appended.front());
      }
    }
    return appended;
  }

  absl::Status ReleaseLease(SessionId /*session*/, LeaseId lease,
                            int64_t /*attempt*/) override {
    const absl::MutexLock lock(&mutex_);
    released.push_back(lease.value);
    over.insert(lease.value);
    return absl::OkStatus();
  }

  absl::Status UploadWeights(TrialId trial, const UploadSource& weights,
                             const std::stop_token& /*stop*/) override {
    const absl::MutexLock lock(&mutex_);
    if (!upload_refusal.ok()) return upload_refusal;
    const absl::StatusOr<std::string> bytes = ReadFile(weights.path, 1 << 20);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_EQ(Sha256(*bytes), weights.digest);
    EXPECT_EQ(weights.digest, reports[trial.value].weights_digest);
    uploads.push_back(trial.value);
    return absl::OkStatus();
  }

  absl::Status ReadSplit(const Digest& dataset, WorkSplit split,
                         int64_t offset_bytes, const BlobSink& sink,
                         const std::stop_token& /*stop*/) override {
    EXPECT_EQ(dataset, dataset_.manifest.Id());
    return testing::ServeBlob(
        split == WorkSplit::kTrain ? dataset_.train : dataset_.validation,
        offset_bytes, sink);
  }

  void WithdrawTrial(int64_t trial) {
    const absl::MutexLock lock(&mutex_);
    withdrawn.insert(trial);
  }
  void EndLease(int64_t lease) {
    const absl::MutexLock lock(&mutex_);
    over.insert(lease);
  }

  void SetAway(int calls) {
    const absl::MutexLock lock(&mutex_);
    away_calls = calls;
  }
  void ForgetSession() {
    const absl::MutexLock lock(&mutex_);
    is_session_known = false;
  }
  bool HasTakenAhead(int64_t lease) {
    const absl::MutexLock lock(&mutex_);
    return std::count(taken_ahead.begin(), taken_ahead.end(), lease) > 0;
  }
  bool HasHeardAStepOf(int64_t trial) {
    const absl::MutexLock lock(&mutex_);
    return steps_heard.contains(trial);
  }

  // The script. Set before the agent runs.
  std::vector<wire::WorkLease> leases;
  // What reports append to a lease, one trial each.
  std::map<int64_t, std::vector<wire::WorkAssignment>> growths;
  std::function<void()> on_idle;
  int away_calls = 0;
  int lost_replies = 0;
  absl::Status open_refusal;
  absl::Status upload_refusal;
  std::vector<absl::Status> acquire_refusals;
  bool is_session_known = false;

  // What happened. Read once the agent has ended.
  int sessions = 0;
  std::map<int64_t, TrialCommitment> reports;
  std::vector<int64_t> uploads;
  std::vector<int64_t> released;
  std::set<int64_t> over;
  std::set<int64_t> withdrawn;
  std::set<int64_t> steps_heard;
  std::vector<int64_t> taken_ahead;

 private:
  const testing::SampleDataset& dataset_;
  absl::Mutex mutex_;
};

// Trains as FakeTrainer, at once, and lets a test step in.
class ScriptedTrainer : public testing::FakeTrainer {
 public:
  ScriptedTrainer() : FakeTrainer(4, absl::ZeroDuration()) {}
  absl::StatusOr<TrainingResult> Train(const TrainingRequest& request,
                                       const StepCallback& on_step) override {
    ++trainings;
    if (!refusal.ok()) return refusal;
    if (before_training) before_training(on_step);
    return FakeTrainer::Train(request, on_step);
  }

  int trainings = 0;
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
    Agent agent(clock, pool_, trainer_, data, **journal, options);
    return agent.Run(stop_.get_token());
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
