// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/prover.h"

#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/log/log_label.h"

namespace archpool {
Prover::Prover(WorkClient& client, CheckpointVault& vault,
               const RetryPolicy& policy)
    : client_(client), vault_(vault), policy_(policy) {
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

Prover::Question Prover::Ask() {
  Question question;
  {
    const absl::MutexLock lock(&mutex_);
    question.pokes = pokes_;
  }
  // What was poked for is kept by then.
  question.kept = vault_.Kept();
  return question;
}

void Prover::Hear(const Question& question, const HeartbeatReply& reply) {
  for (const TrialId trial : reply.settled) {
    const auto found = question.kept.find(trial);
    if (found != question.kept.end()) vault_.Remove({found->second, trial});
  }
  const absl::MutexLock lock(&mutex_);
  for (const AskedSegment& asked : reply.asked) {
    // The server asks until it has the last file.
    if (answering_ != asked.trial) asked_.insert_or_assign(asked.trial, asked);
  }
}

void Prover::HearEnd(const Question& question) {
  {
    const absl::MutexLock lock(&mutex_);
    pokes_heard_ = question.pokes;
  }
  heard_.Ring();
}

std::optional<AskedSegment> Prover::TakeAsked() {
  const absl::MutexLock lock(&mutex_);
  answering_.reset();
  if (asked_.empty()) return std::nullopt;
  AskedSegment next = std::move(asked_.begin()->second);
  asked_.erase(asked_.begin());
  answering_ = next.trial;
  return next;
}

void Prover::Run(const std::stop_token& stop) {
  while (true) {
    heard_.Wait(stop, absl::InfiniteDuration());
    if (stop.stop_requested()) return;
    int64_t serving = 0;
    {
      const absl::MutexLock lock(&mutex_);
      serving = pokes_heard_;
    }
    while (const std::optional<AskedSegment> asked = TakeAsked()) {
      Answer(*asked, stop);
      if (stop.stop_requested()) return;
    }
    {
      const absl::MutexLock lock(&mutex_);
      pokes_served_ = serving;
    }
    served_.Ring();
  }
}

// The server says it until it has the last file.
void Prover::NoteWaited(const AskedSegment& asked) {
  if (asked.waited <= absl::ZeroDuration() ||
      !waited_for_.insert(asked.trial).second) {
    return;
  }
  LogInfo("audit_waited",
          "the pool waited for you: an audit was due while it heard no worker "
          "of this account, and is answered now",
          {{"trial_id", asked.trial},
           {"waited_s", asked.waited},
           {"left_s", asked.left.left()}});
}

void Prover::Answer(const AskedSegment& asked, const std::stop_token& stop) {
  NoteWaited(asked);
  {
    const absl::MutexLock lock(&mutex_);
    if (lost_.contains(asked.trial)) return;
  }
  const absl::Status answered = Reveal(asked, stop);
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

absl::Status Prover::Reveal(const AskedSegment& asked,
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
