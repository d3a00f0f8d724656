// SPDX-License-Identifier: Apache-2.0
// The verifier over a server in memory that does what a test's script says.
#include "verifier/verifier.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/sample_training.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const RetryPolicy kQuick = {.pause_min = absl::Milliseconds(1),
                            .pause_max = absl::Milliseconds(4)};

// Hands out audits until each is reported; then calls `on_idle`.
class FakeServer : public AuditClient {
 public:
  explicit FakeServer(const testing::SampleDataset& dataset)
      : dataset_(dataset) {}

  // Of an honest training, in its third segment.
  void AddAudit(int64_t id) {
    wire::AuditOrder order = testing::SampleAudit(dataset_, id);
    const testing::SampleTraining training(order);
    training.CommitTo(order, 2);
    weights_[id] = training.BytesAt(order.recipe.segments).weights;
    begins_[id] = training.BytesAt(2);
    audits_.push_back(order);
  }
  wire::AuditOrder& audit(size_t index) { return audits_[index]; }

  absl::StatusOr<std::optional<wire::AuditOrder>> AcquireAudit(
      absl::Duration /*wait*/, const std::stop_token& /*stop*/) override {
    if (!acquire_refusal.ok()) return acquire_refusal;
    if (away_calls > 0 && --away_calls >= 0) {
      return Unavailable("SERVER_UNREACHABLE", "away");
    }
    for (const wire::AuditOrder& audit : audits_) {
      if (!findings.contains(audit.audit.value)) return audit;
    }
    on_idle();
    return std::nullopt;
  }

  absl::Status RenewAudit(AuditId /*audit*/, int64_t /*attempt*/,
                          const std::stop_token& /*stop*/) override {
    const absl::MutexLock lock(&mutex_);
    ++renewals_;
    return absl::OkStatus();
  }
  void AwaitRenewals(int count) {
    const auto are_there = [&] { return renewals_ >= count; };
    const absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&are_there));
  }

  absl::StatusOr<AuditReply> ReportAudit(
      AuditId audit, int64_t /*attempt*/, const AuditFinding& finding,
      absl::Duration /*audit_time*/) override {
    if (away_reports > 0 && --away_reports >= 0) {
      return Unavailable("SERVER_UNREACHABLE", "away");
    }
    {
      const absl::MutexLock lock(&mutex_);
      findings[audit.value] = finding;
    }
    if (!report_refusal.ok()) return report_refusal;
    return AuditReply{"accepted", ""};
  }

  absl::Status ReadSplit(const Digest& dataset, AuditSplit split,
                         int64_t offset_bytes, const BlobSink& sink,
                         const std::stop_token& /*stop*/) override {
    EXPECT_EQ(dataset, dataset_.manifest.Id());
    ++splits_read;
    return testing::ServeBlob(split == AuditSplit::kTrain ? dataset_.train
                              : split == AuditSplit::kHeldOut
                                  ? dataset_.held_out
                                  : dataset_.validation,
                              offset_bytes, sink);
  }

  absl::Status ReadWeights(TrialId trial, int64_t offset_bytes,
                           const BlobSink& sink,
                           const std::stop_token& stop) override {
    ++weights_read;
    if (on_weights) on_weights();
    if (stop.stop_requested()) return absl::CancelledError("stopped");
    return testing::ServeBlob(weights_[trial.value], offset_bytes, sink);
  }

  absl::Status ReadCheckpoint(TrialId trial, CheckpointPart part,
                              int64_t offset_bytes, const BlobSink& sink,
                              const std::stop_token& /*stop*/) override {
    const CheckpointBytes& bytes = begins_[trial.value];
    return testing::ServeBlob(
        part == CheckpointPart::kWeights ? bytes.weights : bytes.optimizer,
        offset_bytes, sink);
  }

  bool HasFound(int64_t audit) {
    const absl::MutexLock lock(&mutex_);
    return findings.contains(audit);
  }

  // The script.
  std::function<void()> on_weights;
  std::function<void()> on_idle;
  int away_calls = 0;
  int away_reports = 0;
  absl::Status acquire_refusal;
  absl::Status report_refusal;

  // What happened.
  std::map<int64_t, AuditFinding> findings;
  int splits_read = 0;
  int weights_read = 0;

 private:
  const testing::SampleDataset& dataset_;
  absl::Mutex mutex_;
  int renewals_ = 0;
  std::vector<wire::AuditOrder> audits_;
  std::map<int64_t, std::string> weights_;
  std::map<int64_t, CheckpointBytes> begins_;
};

class VerifierTest : public ::testing::Test {
 protected:
  VerifierTest() : server_(dataset_) {
    server_.on_idle = [this] { stop_.request_stop(); };
  }
  void SetUp() override { directory_ = testing::MakeTempDirectory(); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  absl::Status Run() {
    VerifierOptions options;
    options.work_dir = directory_;
    options.retry = kQuick;
    options.audit_retry = kQuick;
    options.doubt_pause = doubt_pause_;
    LocalExaminer examiner(std::make_unique<testing::FakeEvaluator>());
    Verifier verifier(server_, examiner, options);
    return verifier.Run(stop_.get_token());
  }

  // That its weights were measured on all examples.
  void ExpectMeasured(int64_t audit) {
    const auto* measured =
        std::get_if<WeightsMeasured>(&server_.findings[audit]);
    ASSERT_NE(measured, nullptr);
    EXPECT_TRUE(measured->measured_all);
    EXPECT_GE(measured->validation_correct, 6);
  }

  testing::SampleDataset dataset_;
  FakeServer server_;
  std::stop_source stop_;
  std::string directory_;
  RetryPolicy doubt_pause_ = kQuick;
};

TEST_F(VerifierTest, ReportsWhatItMeasures) {
  server_.AddAudit(1);
  server_.AddAudit(2);
  ASSERT_TRUE(Run().ok());
  ExpectMeasured(1);
  ExpectMeasured(2);
  EXPECT_EQ(server_.splits_read, 3);
}

TEST_F(VerifierTest, OutlivesAServerThatRestarts) {
  server_.AddAudit(1);
  server_.away_calls = 3;
  server_.away_reports = 3;
  ASSERT_TRUE(Run().ok());
  ExpectMeasured(1);
}

// Not a byte is fetched of a file that no weights of the plan can fill.
TEST_F(VerifierTest, RefusesWeightsThatAreTooLargeUnseen) {
  server_.AddAudit(1);
  server_.audit(0).weights_size_bytes = int64_t{1} << 29;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(server_.findings[1],
            AuditFinding(WeightsUnusable{"WEIGHTS_TOO_LARGE"}));
  EXPECT_EQ(server_.weights_read, 0);
}

// The pool holds other bytes than were committed: not the miner's doing here.
TEST_F(VerifierTest, CannotTellWhereTheBlobIsBroken) {
  server_.AddAudit(1);
  server_.audit(0).weights = Sha256("other bytes");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(server_.findings[1],
            AuditFinding(AuditInconclusive{"BLOB_DIGEST_MISMATCH"}));
}

// An audit that took the verifier down is not tried a second time here.
TEST_F(VerifierTest, SaysThatItCrashed) {
  server_.AddAudit(1);
  const wire::AuditOrder& order = server_.audit(0);
  std::ofstream(directory_ + "/audit")
      << order.audit.ToString() << " attempt " << order.attempt << " "
      << order.weights.ToString() << "\n";
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(server_.findings[1],
            AuditFinding(AuditInconclusive{"VERIFIER_CRASHED"}));
  EXPECT_EQ(server_.weights_read, 0);
}

// What ails this machine may ail every audit: the others are left to others.
TEST_F(VerifierTest, BacksOffAfterAFindingThatTellsNothing) {
  server_.AddAudit(1);
  server_.AddAudit(2);
  server_.audit(0).weights = Sha256("other bytes");
  doubt_pause_ = {.pause_min = absl::Hours(1), .pause_max = absl::Hours(1)};
  std::thread later([this] {
    while (!server_.HasFound(1)) absl::SleepFor(absl::Milliseconds(1));
    stop_.request_stop();
  });
  ASSERT_TRUE(Run().ok());
  later.join();
  EXPECT_EQ(server_.findings.size(), 1u);
}

// A stop in the middle of an examination.
TEST_F(VerifierTest, GivesUpTheAuditUnderWayWhenItStops) {
  server_.AddAudit(1);
  server_.on_weights = [this] { stop_.request_stop(); };
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(server_.findings, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/audit"));
  stop_ = std::stop_source();
  server_.on_weights = nullptr;
  ASSERT_TRUE(Run().ok());
  ExpectMeasured(1);
}

TEST_F(VerifierTest, GoesOnWhereAnotherVerifierWasFaster) {
  server_.AddAudit(1);
  server_.AddAudit(2);
  server_.report_refusal = FailedPrecondition("AUDIT_SUPERSEDED", "too late");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(server_.findings.size(), 2u);
}

TEST_F(VerifierTest, EndsWhereThePoolDoesNotKnowItsToken) {
  server_.acquire_refusal = MakeError(absl::StatusCode::kUnauthenticated,
                                      "TOKEN_UNKNOWN", "no such token");
  EXPECT_EQ(GetReason(Run()), "TOKEN_UNKNOWN");
  EXPECT_THAT(server_.findings, IsEmpty());
}

// Ends only once the lease was renewed.
class SlowExaminer : public Examiner {
 public:
  explicit SlowExaminer(FakeServer& server) : server_(server) {}
  AuditFinding Examine(const wire::AuditOrder& /*order*/,
                       const AuditFiles& /*files*/, const AuditData& /*data*/,
                       const Patience& /*patience*/) override {
    server_.AwaitRenewals(2);
    return WeightsMeasured{};
  }
  std::vector<std::string> arithmetics() const override { return {"test/1"}; }

 private:
  FakeServer& server_;
};

TEST_F(VerifierTest, RenewsTheLeaseOfWhatItExamines) {
  server_.AddAudit(1);
  server_.audit(0).renewal_interval = absl::Milliseconds(1);
  SlowExaminer examiner(server_);
  Verifier verifier(
      server_, examiner,
      {.work_dir = directory_, .retry = kQuick, .audit_retry = kQuick});
  EXPECT_TRUE(verifier.Run(stop_.get_token()).ok());
  EXPECT_EQ(server_.findings.size(), 1u);
}

}  // namespace
}  // namespace archpool
