// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/courier.h"

#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/log/log_label.h"
#include "worker/agent/disk_log.h"

namespace archpool {
namespace {

// Codes that say nothing about the trial itself: it is worth keeping.
bool IsAboutTheCaller(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status) ||
         absl::IsInternal(status) || absl::IsUnknown(status) ||
         IsSessionLost(status);
}

}  // namespace

Courier::Courier(WorkClient& client, SessionHolder& session,
                 TrialJournal& journal, CheckpointVault& vault, Prover& prover,
                 LeaseBook& book, const RetryPolicy& policy)
    : client_(client),
      session_(session),
      journal_(journal),
      vault_(vault),
      prover_(prover),
      book_(book),
      policy_(policy) {
  for (const JournalEntry& entry : journal.Entries()) {
    waiting_.push_back(entry);
  }
  thread_ = std::jthread(
      [this, label = LogLabel::Current()](const std::stop_token& stop) {
        const LogLabel own(label);
        Run(stop);
      });
}

void Courier::Deliver(const JournalEntry& entry) {
  const absl::MutexLock lock(&mutex_);
  waiting_.push_back(entry);
}

bool Courier::WaitUntilIdle(const std::stop_token& stop,
                            absl::Duration timeout) {
  const Countdown left(timeout);
  while (true) {
    {
      const absl::MutexLock lock(&mutex_);
      if (waiting_.empty()) return true;
    }
    if (stop.stop_requested() || left.IsOver()) return false;
    delivered_.Wait(stop, left.left());
  }
}

void Courier::Run(const std::stop_token& stop) {
  // The lock makes the condition be evaluated again.
  const std::stop_callback wake(
      stop, [this] { const absl::MutexLock lock(&mutex_); });
  while (true) {
    JournalEntry entry;
    {
      const absl::MutexLock lock(&mutex_);
      const auto has_work = [&] {
        mutex_.AssertReaderHeld();
        return !waiting_.empty() || stop.stop_requested();
      };
      mutex_.Await(absl::Condition(&has_work));
      if (stop.stop_requested()) return;
      entry = waiting_.front();
    }
    const Outcome outcome = DeliverOne(entry, stop);
    if (outcome == Outcome::kStopped) return;
    if (outcome == Outcome::kDone) journal_.Remove(entry.id());
    {
      const absl::MutexLock lock(&mutex_);
      waiting_.pop_front();
    }
    delivered_.Ring();
  }
}

absl::StatusOr<ReportReply> Courier::Report(const JournalEntry& entry,
                                            const std::stop_token& stop) {
  const TrialCommitment& commitment = entry.commitment;
  // Before the pool can ask for it.
  ARCHPOOL_RETURN_IF_ERROR(vault_.Keep(entry.id()));
  const std::shared_ptr<const wire::WorkLease> lease =
      book_.Find(commitment.lease);
  ARCHPOOL_ASSIGN_OR_RETURN(
      ReportReply reply, RetryWhileTransient(policy_, stop, [&] {
        return WithSession(session_, stop, [&](SessionId session) {
          return client_.ReportTrial(session, commitment, lease.get());
        });
      }));
  book_.Append(commitment.lease, std::move(reply.appended));
  if (reply.is_audited) prover_.Poke();
  return reply;
}

Courier::Outcome Courier::DeliverOne(JournalEntry entry,
                                     const std::stop_token& stop) {
  const TrialCommitment& commitment = entry.commitment;
  bool wants_weights = true;
  if (!entry.is_committed) {
    const absl::StatusOr<ReportReply> reply = Report(entry, stop);
    if (!reply.ok()) return Judge(entry, "reported", reply.status(), stop);
    // What an audit wants, the prover sends: not both at once.
    wants_weights = reply->wants_weights && !reply->is_audited;
    if (wants_weights) {
      const absl::Status marked = journal_.MarkCommitted(entry.id());
      // Not fatal: the same report again is accepted again.
      if (!marked.ok()) WarnOfDisk(marked);
    }
  }
  if (wants_weights) {
    const absl::Status uploaded = RetryWhileTransient(policy_, stop, [&] {
      return client_.UploadWeights(commitment.trial, journal_.WeightsOf(entry),
                                   stop);
    });
    if (!uploaded.ok()) return Judge(entry, "uploaded", uploaded, stop);
  }
  LogInfo("trial_delivered", "the pool has a trial's result",
          {{"trial_id", commitment.trial},
           {"correct", commitment.validation_correct}});
  return Outcome::kDone;
}

Courier::Outcome Courier::Judge(const JournalEntry& entry, const char* step,
                                const absl::Status& status,
                                const std::stop_token& stop) const {
  if (stop.stop_requested()) return Outcome::kStopped;
  const bool is_kept = IsTransient(status) || IsAboutTheCaller(status);
  LogWarn("trial_not_delivered", "a trial's result did not reach the pool",
          is_kept ? "it is kept: start this worker again when the pool can be "
                    "reached"
                  : "the pool refuses it and it is dropped; the error says why",
          {{"trial_id", entry.commitment.trial},
           {"step", step},
           {"is_kept", is_kept},
           {"error", status}});
  return is_kept ? Outcome::kKept : Outcome::kDone;
}

}  // namespace archpool
