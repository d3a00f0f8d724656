// A pool in memory that does what a test's script says. For agent_test.cc.
#ifndef ARCHPOOL_TESTS_SUPPORT_FAKE_POOL_H_
#define ARCHPOOL_TESTS_SUPPORT_FAKE_POOL_H_

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/work_samples.h"
#include "worker/agent/work_client.h"

namespace archpool {

inline absl::Status Away() { return Unavailable("SERVER_UNREACHABLE", "away"); }

// Hands out `leases` in turn, each until all its trials are reported, and calls
// `on_idle` once none is left.
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
    for (const int64_t id : withdrawn) reply.withdrawn.push_back(TrialId{id});
    return reply;
  }

  absl::StatusOr<ReportReply> ReportTrial(
      SessionId /*session*/, const TrialCommitment& commitment,
      const wire::WorkLease* lease) override {
    const absl::MutexLock lock(&mutex_);
    if (!is_session_known) return NotFound("SESSION_UNKNOWN", "who?");
    if (away_calls > 0 && --away_calls >= 0) return Away();
    if (over.contains(commitment.lease.value)) {
      return FailedPrecondition("LEASE_ENDED", "too late");
    }
    reports[commitment.trial.value] = commitment;
    // The agent cannot know that the report was taken.
    if (lost_replies > 0 && --lost_replies >= 0) return Away();
    ReportReply reply{.appended = {},
                      .wants_weights = true,
                      .is_audited = audited.contains(commitment.trial.value)};
    std::vector<wire::WorkAssignment>& appended = reply.appended;
    std::vector<wire::WorkAssignment>& growth = growths[commitment.lease.value];
    if (lease != nullptr && !growth.empty()) {
      appended = {growth.front()};
      growth.erase(growth.begin());
      for (wire::WorkLease& held : leases) {
        if (held.lease != commitment.lease) continue;
        held.assignments.push_back(appended.front());
      }
    }
    return reply;
  }

  absl::StatusOr<ReviewReply> ReviewTrials(
      SessionId, const std::vector<TrialId>& kept) override {
    const absl::MutexLock lock(&mutex_);
    ReviewReply reply;
    // Of a trial that its worker lost, too.
    for (const auto& [id, segment] : audited) {
      if (!reports.contains(id) || openings.contains(id)) continue;
      reply.asked.push_back({.trial = TrialId{id},
                             .segment = segment,
                             .segments = LeaseOf(TrialId{id}).recipe.segments,
                             .deadline = absl::InfiniteFuture(),
                             .lease = LeaseOf(TrialId{id})});
    }
    for (const TrialId trial : kept) {
      if (settled.contains(trial.value)) reply.settled.push_back(trial);
    }
    return reply;
  }

  absl::Status OpenSegment(TrialId trial, const Opening& opening) override {
    const absl::MutexLock lock(&mutex_);
    openings[trial.value] = opening;
    return absl::OkStatus();
  }
  absl::Status UploadCheckpoint(TrialId trial, const UploadSource& file,
                                const std::stop_token& /*stop*/) override {
    const absl::MutexLock lock(&mutex_);
    EXPECT_EQ(Sha256(*ReadFile(file.path, 1 << 20)), file.digest);
    checkpoints_sent[trial.value].insert(file.digest);
    return absl::OkStatus();
  }

  absl::Status ReleaseLease(SessionId, LeaseId lease, int64_t) override {
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
  absl::Status ReadWeights(TrialId trial, int64_t offset_bytes,
                           const BlobSink& sink,
                           const std::stop_token& /*stop*/) override {
    const absl::MutexLock lock(&mutex_);
    weights_read.push_back(trial.value);
    if (!held_weights.contains(trial.value)) {
      return NotFound("TRIAL_UNKNOWN", "no weights");
    }
    return testing::ServeBlob(held_weights[trial.value], offset_bytes, sink);
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
  std::map<int64_t, int64_t> audited;  // trials, and the segment asked for
  std::set<int64_t> settled;
  std::function<void()> on_idle;
  int away_calls = 0;
  int lost_replies = 0;
  absl::Status open_refusal;
  absl::Status upload_refusal;
  std::vector<absl::Status> acquire_refusals;
  bool is_session_known = false;

  // What happened, for when the agent has ended.
  int sessions = 0;
  std::map<int64_t, TrialCommitment> reports;
  std::vector<int64_t> uploads;
  std::map<int64_t, Opening> openings;
  std::map<int64_t, std::set<Digest>> checkpoints_sent;
  std::map<int64_t, std::string> held_weights;
  std::vector<int64_t> weights_read;
  std::vector<int64_t> released;
  std::set<int64_t> over;
  std::set<int64_t> withdrawn;
  std::set<int64_t> steps_heard;
  std::vector<int64_t> taken_ahead;

 private:
  wire::WorkLease LeaseOf(TrialId trial) const {
    for (wire::WorkLease lease : leases) {
      std::erase_if(lease.assignments,
                    [&](const auto& one) { return one.trial != trial; });
      if (!lease.assignments.empty()) return lease;
    }
    return {};
  }

  const testing::SampleDataset& dataset_;
  absl::Mutex mutex_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_FAKE_POOL_H_
