// SPDX-License-Identifier: Apache-2.0
// A pool in memory that does what a test's script says. For agent_test.cc.
// Thread-safe.
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

  absl::StatusOr<OpenedSession> OpenSession() override;

  absl::StatusOr<AcquiredLease> AcquireLease(
      SessionId /*session*/, const std::vector<LeaseId>& holding,
      absl::Duration wait, const std::stop_token& /*stop*/) override;

  absl::StatusOr<HeartbeatReply> Heartbeat(
      SessionId /*session*/, const HeartbeatReport& report) override;

  absl::StatusOr<ReportReply> ReportTrial(
      SessionId /*session*/, const TrialCommitment& commitment,
      const wire::WorkLease* lease) override;

  absl::Status RevealSegment(TrialId trial, const Opening& opening) override;
  absl::Status UploadCheckpoint(TrialId trial, const UploadSource& file,
                                const std::stop_token& /*stop*/) override;

  absl::Status ReleaseLease(SessionId, LeaseId lease, int64_t,
                            const std::vector<TrialId>& given_up) override;

  absl::Status UploadWeights(TrialId trial, const UploadSource& weights,
                             const std::stop_token& /*stop*/) override;

  absl::Status ReadSplit(const Digest& dataset, WorkSplit split,
                         int64_t offset_bytes, const BlobSink& sink,
                         const std::stop_token& /*stop*/) override;
  absl::Status ReadWeights(TrialId trial, int64_t offset_bytes,
                           const BlobSink& sink,
                           const std::stop_token& /*stop*/) override;

  void WithdrawTrial(int64_t trial) {
    const absl::MutexLock lock(&mutex_);
    withdrawn.insert(trial);
  }
  void EndLease(int64_t lease) {
    const absl::MutexLock lock(&mutex_);
    over.insert(lease);
  }
  void Settle(int64_t trial) {
    const absl::MutexLock lock(&mutex_);
    settled.insert(trial);
  }
  // The worker does not ask for it, or no more.
  bool IsForgotten(int64_t trial) {
    const absl::MutexLock lock(&mutex_);
    return std::count(last_kept.begin(), last_kept.end(), TrialId{trial}) == 0;
  }
  int OpenCalls() {
    const absl::MutexLock lock(&mutex_);
    return open_calls;
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
  absl::Duration time_left = absl::InfiniteDuration();  // of audits
  std::function<void()> on_idle;
  int away_calls = 0;
  int lost_replies = 0;
  absl::Status open_refusal;
  absl::Status upload_refusal;
  std::vector<absl::Status> acquire_refusals;
  bool is_session_known = false;

  // What happened, for when the agent has ended.
  int open_calls = 0;
  int sessions = 0;
  std::map<int64_t, TrialCommitment> reports;
  std::vector<int64_t> uploads;
  std::map<int64_t, Opening> openings;
  std::map<int64_t, std::set<Digest>> checkpoints_sent;
  std::map<int64_t, std::string> held_weights;
  std::vector<int64_t> weights_read;
  std::vector<int64_t> released;
  std::vector<TrialId> impossible;
  std::set<int64_t> over;
  std::set<int64_t> withdrawn;
  std::set<int64_t> steps_heard;
  std::vector<int64_t> taken_ahead;
  std::vector<TrialId> last_kept;

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
