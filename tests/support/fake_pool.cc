// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_pool.h"

#include <algorithm>

#include "common/data/read_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {

absl::StatusOr<OpenedSession> FakePool::OpenSession() {
  const absl::MutexLock lock(&mutex_);
  ++open_calls;
  if (!open_refusal.ok()) return open_refusal;
  if (away_calls > 0 && --away_calls >= 0) return Away();
  is_session_known = true;
  return OpenedSession{SessionId{++sessions}, absl::Milliseconds(1)};
}

absl::StatusOr<AcquiredLease> FakePool::AcquireLease(
    SessionId /*session*/, const std::vector<LeaseId>& holding,
    absl::Duration wait, const std::stop_token& /*stop*/) {
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

absl::StatusOr<HeartbeatReply> FakePool::Heartbeat(
    SessionId /*session*/, const HeartbeatReport& report) {
  const absl::MutexLock lock(&mutex_);
  if (report.step > 0) steps_heard.insert(report.trial.value);
  HeartbeatReply reply;
  for (const LeaseId lease : report.leases) {
    if (over.contains(lease.value)) reply.ended.push_back(lease);
  }
  for (const int64_t id : withdrawn) reply.withdrawn.push_back(TrialId{id});
  // Of a trial that its worker lost, too.
  for (const auto& [id, segment] : audited) {
    if (!reports.contains(id) || openings.contains(id)) continue;
    reply.asked.push_back({.trial = TrialId{id},
                           .segment = segment,
                           .left = Countdown(time_left),
                           .lease = LeaseOf(TrialId{id})});
  }
  last_kept = report.kept;
  for (const TrialId trial : report.kept) {
    if (settled.contains(trial.value)) reply.settled.push_back(trial);
  }
  return reply;
}

absl::StatusOr<ReportReply> FakePool::ReportTrial(
    SessionId /*session*/, const TrialCommitment& commitment,
    const wire::WorkLease* lease) {
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

absl::Status FakePool::RevealSegment(TrialId trial, const Opening& opening) {
  const absl::MutexLock lock(&mutex_);
  openings[trial.value] = opening;
  return absl::OkStatus();
}

absl::Status FakePool::UploadCheckpoint(TrialId trial, const UploadSource& file,
                                        const std::stop_token& /*stop*/) {
  const absl::MutexLock lock(&mutex_);
  EXPECT_EQ(Sha256(*ReadFile(file.path, 1 << 20)), file.digest);
  checkpoints_sent[trial.value].insert(file.digest);
  return absl::OkStatus();
}

absl::Status FakePool::ReleaseLease(SessionId, LeaseId lease, int64_t,
                                    const std::vector<TrialId>& given_up) {
  const absl::MutexLock lock(&mutex_);
  released.push_back(lease.value);
  impossible.insert(impossible.end(), given_up.begin(), given_up.end());
  over.insert(lease.value);
  return absl::OkStatus();
}

absl::Status FakePool::UploadWeights(TrialId trial, const UploadSource& weights,
                                     const std::stop_token& /*stop*/) {
  const absl::MutexLock lock(&mutex_);
  if (!upload_refusal.ok()) return upload_refusal;
  const absl::StatusOr<std::string> bytes = ReadFile(weights.path, 1 << 20);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(Sha256(*bytes), weights.digest);
  EXPECT_EQ(weights.digest, reports[trial.value].weights_digest);
  uploads.push_back(trial.value);
  return absl::OkStatus();
}

absl::Status FakePool::ReadSplit(const Digest& dataset, WorkSplit split,
                                 int64_t offset_bytes, const BlobSink& sink,
                                 const std::stop_token& /*stop*/) {
  EXPECT_EQ(dataset, dataset_.manifest.Id());
  return testing::ServeBlob(
      split == WorkSplit::kTrain ? dataset_.train : dataset_.validation,
      offset_bytes, sink);
}

absl::Status FakePool::ReadWeights(TrialId trial, int64_t offset_bytes,
                                   const BlobSink& sink,
                                   const std::stop_token& /*stop*/) {
  const absl::MutexLock lock(&mutex_);
  weights_read.push_back(trial.value);
  if (!held_weights.contains(trial.value)) {
    return NotFound("TRIAL_UNKNOWN", "no weights");
  }
  return testing::ServeBlob(held_weights[trial.value], offset_bytes, sink);
}

}  // namespace archpool
