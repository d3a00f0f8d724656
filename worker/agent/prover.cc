// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/prover.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/log/log_label.h"

namespace archpool {
namespace {

// As many as one call may name; the others have their turn in the next.
constexpr size_t kReviewedMax = 1024;
// While there is no session, and so no interval.
constexpr absl::Duration kNoSessionPause = absl::Seconds(1);

}  // namespace

Prover::Prover(WorkClient& client, SessionHolder& session,
               CheckpointVault& vault, const RetryPolicy& policy)
    : client_(client), session_(session), vault_(vault), policy_(policy) {
  thread_ = std::jthread(
      [this, label = LogLabel::Current()](const std::stop_token& stop) {
        const LogLabel own(label);
        Run(stop);
      });
}

void Prover::Poke() {
  {
    const absl::MutexLock lock(&mutex_);
    ++pokes_;
  }
  poked_.Ring();
}

std::optional<AskedSegment> Prover::TakeLost() {
  const absl::MutexLock lock(&mutex_);
  for (auto& [trial, asked] : lost_) {
    if (!asked) continue;
    return std::exchange(asked, std::nullopt);
  }
  return std::nullopt;
}

void Prover::Restored(TrialId trial) {
  {
    const absl::MutexLock lock(&mutex_);
    lost_.erase(trial);
  }
  Poke();
}

bool Prover::WaitUntilIdle(absl::Duration timeout) {
  const Countdown left(timeout);
  std::optional<int64_t> target;
  while (true) {
    {
      const absl::MutexLock lock(&mutex_);
      if (!target) target = pokes_;
      if (pokes_served_ >= *target) return true;
    }
    if (left.IsOver()) return false;
    served_.Wait({}, left.left());
  }
}

absl::Duration Prover::Interval(const std::stop_token& stop) {
  const absl::StatusOr<OpenedSession> opened = session_.Get(stop);
  return opened.ok() ? opened->heartbeat_interval : kNoSessionPause;
}

void Prover::Run(const std::stop_token& stop) {
  while (true) {
    poked_.Wait(stop, Interval(stop));
    if (stop.stop_requested()) return;
    int64_t serving = 0;
    {
      const absl::MutexLock lock(&mutex_);
      serving = pokes_;
    }
    Review(stop);
    {
      const absl::MutexLock lock(&mutex_);
      pokes_served_ = serving;
    }
    served_.Ring();
  }
}

void Prover::Review(const std::stop_token& stop) {
  const std::map<TrialId, Digest> kept = vault_.Kept();
  std::vector<TrialId> trials;
  for (const auto& [trial, key] : kept) trials.push_back(trial);
  // Once without any: what is asked may be of trials that this disk lost.
  size_t begin = 0;
  do {
    const size_t end = std::min(trials.size(), begin + kReviewedMax);
    const std::vector<TrialId> some(
        trials.begin() + static_cast<std::ptrdiff_t>(begin),
        trials.begin() + static_cast<std::ptrdiff_t>(end));
    const absl::StatusOr<ReviewReply> reply =
        RetryWhileTransient(policy_, stop, [&] {
          return WithSession(session_, stop, [&](SessionId session) {
            return client_.ReviewTrials(session, some);
          });
        });
    if (!reply.ok()) {
      if (stop.stop_requested()) return;
      LogWarn("review_failed", "the pool did not say how trials were decided",
              "the worker asks again with its next heartbeat; if it repeats, "
              "see whether the server can be reached",
              {{"trials", some.size()}, {"error", reply.status()}});
      return;
    }
    for (const TrialId trial : reply->settled) {
      const auto found = kept.find(trial);
      if (found != kept.end()) vault_.Remove({found->second, trial});
    }
    for (const AskedSegment& asked : reply->asked) Answer(asked, stop);
    begin = end;
  } while (begin < trials.size());
}

void Prover::Answer(const AskedSegment& asked, const std::stop_token& stop) {
  {
    const absl::MutexLock lock(&mutex_);
    if (lost_.contains(asked.trial)) return;
  }
  const absl::Status answered = LayOpen(asked, stop);
  if (answered.ok()) {
    LogInfo("segment_sent", "sent a segment for an audit",
            {{"trial_id", asked.trial}, {"segment", asked.segment}});
  } else if (GetReason(answered) == "CHECKPOINT_LOST") {
    LogWarn("audit_trains_again",
            "a trial is audited whose checkpoints are missing: it is trained "
            "again",
            "keep --work-dir between starts, and raise --checkpoints-mib if "
            "they were removed for want of room",
            {{"trial_id", asked.trial}, {"error", answered}});
    const absl::MutexLock lock(&mutex_);
    lost_[asked.trial] = asked;
  } else if (!stop.stop_requested()) {
    LogWarn("segment_not_sent", "a segment could not be sent for an audit",
            "the worker tries again while the audit waits; do what the error "
            "says",
            {{"trial_id", asked.trial},
             {"segment", asked.segment},
             {"error", answered}});
  }
}

absl::Status Prover::LayOpen(const AskedSegment& asked,
                             const std::stop_token& stop) {
  const TrainingId id{asked.lease.assignments[0].trial_key, asked.trial};
  const int64_t segments = asked.lease.recipe.segments;
  const CheckpointVault::Hold hold = vault_.HoldFiles(id);
  const std::vector<CheckpointFiles> seen = vault_.FilesOf(id);
  if (std::ssize(seen) != segments + 1) {
    return NotFound("CHECKPOINT_LOST", "its checkpoints are not here");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const UploadSource weights,
                            vault_.WeightsAt(id, segments));
  const Opening opening = CheckpointChain(seen).Open(asked.segment);
  std::vector<UploadSource> files;
  if (asked.segment > 0) {
    ARCHPOOL_ASSIGN_OR_RETURN(files.emplace_back(),
                              vault_.WeightsAt(id, asked.segment));
    ARCHPOOL_ASSIGN_OR_RETURN(files.emplace_back(),
                              vault_.OptimizerAt(id, asked.segment));
  }
  ARCHPOOL_RETURN_IF_ERROR(RetryWhileTransient(policy_, stop, [&] {
    return client_.RevealSegment(asked.trial, opening);
  }));
  for (const UploadSource& file : files) {
    ARCHPOOL_RETURN_IF_ERROR(RetryWhileTransient(policy_, stop, [&] {
      return client_.UploadCheckpoint(asked.trial, file, stop);
    }));
  }
  return RetryWhileTransient(policy_, stop, [&] {
    return client_.UploadWeights(asked.trial, weights, stop);
  });
}

}  // namespace archpool
