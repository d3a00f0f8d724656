#include "worker/agent/agent.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/data/safetensors.h"
#include "worker/agent/heartbeat.h"

namespace archpool {
namespace {

// A pool that does not know or want the worker will not change its mind.
bool IsFinal(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status) ||
         absl::IsInvalidArgument(status);
}

}  // namespace

Agent::Agent(const Clock& clock, WorkClient& client, Trainer& trainer,
             TrainingDataCache& data, TrialJournal& journal,
             const AgentOptions& options)
    : clock_(clock),
      client_(client),
      trainer_(trainer),
      data_(data),
      journal_(journal),
      options_(options),
      session_(client),
      backoff_(options.retry) {}

absl::Status Agent::Run(const std::stop_token& stop) {
  activity_.Rest("waiting");
  const absl::Status opened = OpenFirstSession(stop);
  if (stop.stop_requested()) return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(opened);
  const Heartbeat heartbeat(client_, session_, activity_);
  Courier courier(client_, session_, journal_, options_.retry);
  while (!stop.stop_requested()) {
    // A lease whose trials are still on their way would be handed out again.
    activity_.Rest("uploading");
    if (!courier.WaitUntilIdle(stop, absl::InfiniteDuration())) break;
    activity_.Rest("waiting");
    WaitOrStop(stop, WorkOnce(courier, stop));
  }
  if (!courier.WaitUntilIdle({}, options_.drain_timeout)) {
    spdlog::warn(
        "not all trained trials reached the pool: they are kept, and sent "
        "when this worker starts again");
  }
  return absl::OkStatus();
}

absl::Status Agent::OpenFirstSession(const std::stop_token& stop) {
  Backoff backoff(options_.retry);
  while (true) {
    const absl::Status status = session_.Get(stop).status();
    if (status.ok() || IsFinal(status)) return status;
    SayIdle(GetReason(status), std::string(status.message()));
    if (WaitOrStop(stop, backoff.Next())) return status;
  }
}

absl::Duration Agent::WorkOnce(Courier& courier, const std::stop_token& stop) {
  const absl::StatusOr<AcquiredLease> acquired =
      WithSession(session_, stop, [&](SessionId session) {
        return client_.AcquireLease(session, options_.acquire_wait, stop);
      });
  if (stop.stop_requested() && !acquired.ok()) return absl::ZeroDuration();
  if (!acquired.ok()) {
    // Suspended, away, or speaking another version: all may pass.
    SayIdle(GetReason(acquired.status()),
            std::string(acquired.status().message()));
    return backoff_.Next();
  }
  if (!acquired->lease.has_value()) {
    SayIdle(acquired->idle_reason, acquired->idle_message);
    backoff_.Reset();
    return options_.idle_pause;
  }
  idle_said_.clear();
  WorkOn(*acquired->lease, courier, stop);
  return absl::ZeroDuration();
}

void Agent::WorkOn(const wire::WorkLease& lease, Courier& courier,
                   const std::stop_token& stop) {
  spdlog::info("{} of {}: {} trials to train{}", lease.lease.ToString(),
               lease.task.ToString(), lease.assignments.size(),
               lease.is_backup ? ", as backup" : "");
  activity_.Hold(lease.lease);
  const LeaseEnd end = TrainAll(lease, courier, stop);
  activity_.Rest("uploading");
  switch (end) {
    case LeaseEnd::kAllTrained:
    case LeaseEnd::kNothingNew:
      // Heartbeats keep the lease until its trials have arrived.
      courier.WaitUntilIdle(stop, absl::InfiniteDuration());
      break;
    case LeaseEnd::kEndedByPool:
      spdlog::info("{} was ended by the pool", lease.lease.ToString());
      break;
    case LeaseEnd::kStopped:
    case LeaseEnd::kImpossible:
      GiveBack(lease, end, courier, stop);
      break;
  }
  activity_.Drop();
  if (end == LeaseEnd::kImpossible || end == LeaseEnd::kNothingNew) {
    WaitOrStop(stop, backoff_.Next());
  } else {
    backoff_.Reset();
  }
}

Agent::LeaseEnd Agent::TrainAll(const wire::WorkLease& lease, Courier& courier,
                                const std::stop_token& stop) {
  const auto is_over = [&] {
    return stop.stop_requested() || activity_.is_ended();
  };
  const auto why_over = [&] {
    return activity_.is_ended() ? LeaseEnd::kEndedByPool : LeaseEnd::kStopped;
  };
  const absl::StatusOr<std::shared_ptr<const TrainingData>> data =
      RetryWhileTransient(options_.retry, stop, [&] {
        return data_.Get(lease.dataset, lease.manifest, stop);
      });
  if (is_over()) return why_over();
  if (!data.ok()) {
    SayIdle(GetReason(data.status()), std::string(data.status().message()));
    return LeaseEnd::kImpossible;
  }
  LeaseEnd end = LeaseEnd::kNothingNew;
  for (const wire::WorkAssignment& assignment : lease.assignments) {
    if (is_over()) return why_over();
    if (const auto entry = journal_.Find(assignment.trial_key)) {
      courier.Deliver(*entry);
      continue;
    }
    const absl::Status status =
        TrainOne(lease, assignment, **data, courier, stop);
    if (status.ok()) {
      if (end == LeaseEnd::kNothingNew) end = LeaseEnd::kAllTrained;
      continue;
    }
    if (is_over()) return why_over();
    spdlog::error("{} cannot be trained here ({}): {}",
                  assignment.trial.ToString(), GetReason(status),
                  std::string(status.message()));
    end = LeaseEnd::kImpossible;
  }
  return end;
}

absl::Status Agent::TrainOne(const wire::WorkLease& lease,
                             const wire::WorkAssignment& assignment,
                             const TrainingData& data, Courier& courier,
                             const std::stop_token& stop) {
  activity_.Train(assignment.trial);
  const absl::Time start = clock_.Now();
  ARCHPOOL_ASSIGN_OR_RETURN(
      const TrainingResult result,
      trainer_.Train({assignment.plan, lease.recipe, assignment.trial_key,
                      lease.manifest, data.train, data.validation},
                     [&](int64_t step, int64_t steps) {
                       activity_.SetStep(step, steps);
                       return !stop.stop_requested() && !activity_.is_ended();
                     }));
  TrialCommitment commitment;
  commitment.trial = assignment.trial;
  commitment.lease = lease.lease;
  commitment.attempt = lease.attempt;
  commitment.validation_correct = result.validation_correct;
  commitment.train_time = clock_.Now() - start;
  spdlog::info("{}: {} of {} correct after {}", assignment.trial.ToString(),
               result.validation_correct, data.validation.count(),
               absl::FormatDuration(
                   absl::Trunc(commitment.train_time, absl::Milliseconds(1))));
  ARCHPOOL_ASSIGN_OR_RETURN(const JournalEntry entry,
                            journal_.Add(assignment.trial_key, commitment,
                                         SerializeSafetensors(result.weights)));
  courier.Deliver(entry);
  return absl::OkStatus();
}

void Agent::GiveBack(const wire::WorkLease& lease, LeaseEnd end,
                     Courier& courier, const std::stop_token& stop) {
  // Reports first: they bind only while the lease is held.
  const bool is_stopping = end == LeaseEnd::kStopped;
  courier.WaitUntilIdle(is_stopping ? std::stop_token() : stop,
                        options_.drain_timeout);
  const absl::Status released =
      WithSession(session_, {}, [&](SessionId session) {
        return client_.ReleaseLease(session, lease.lease, lease.attempt);
      });
  if (released.ok()) {
    spdlog::info("{} given back", lease.lease.ToString());
  } else {
    spdlog::warn("{} could not be given back ({}): it ends by itself",
                 lease.lease.ToString(), GetReason(released));
  }
}

void Agent::SayIdle(const std::string& reason, const std::string& message) {
  if (reason == idle_said_) return;
  idle_said_ = reason;
  spdlog::info("no work ({}): {}", reason, message);
}

}  // namespace archpool
