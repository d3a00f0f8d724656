// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/agent.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/data/checkpoint.h"
#include "common/data/safetensors.h"
#include "common/log/log.h"
#include "common/log/log_label.h"
#include "common/model/coins.h"
#include "worker/agent/disk_log.h"
#include "worker/agent/heartbeat.h"

namespace archpool {
namespace {

// A worker that stops answers what is asked, where the pool is there to ask.
constexpr absl::Duration kLastAnswersTimeout = absl::Seconds(5);

// A pool that does not know or want the worker will not change its mind.
bool IsFinal(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status) ||
         absl::IsInvalidArgument(status);
}

// More than this machine has, today or tomorrow.
bool TakesTooMuch(const absl::Status& status) {
  const std::string reason = GetReason(status);
  return reason == "TRAINING_KILLS_WORKER" ||
         reason == "TRAINING_OUT_OF_MEMORY";
}

TrainingId IdOf(const wire::WorkAssignment& assignment) {
  return {assignment.trial_key, assignment.trial};
}

}  // namespace

Agent::Agent(WorkClient& client, Trainer& trainer, TrainingDataCache& data,
             RungWeightsCache& rung_weights, CheckpointVault& vault,
             TrialJournal& journal, AttemptLog& attempts, Places& places,
             const AgentOptions& options)
    : client_(client),
      trainer_(trainer),
      data_(data),
      rung_weights_(rung_weights),
      vault_(vault),
      journal_(journal),
      attempts_(attempts),
      places_(places),
      options_(options),
      session_(client, options.retry),
      prover_(client, vault, options.retry),
      backoff_(options.retry) {}

absl::Status Agent::Run(const std::stop_token& stop) {
  activity_.Rest(WorkerActivity::kWaiting);
  const absl::Status opened = OpenFirstSession(stop);
  if (stop.stop_requested()) return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(opened);
  const Heartbeat heartbeat(client_, session_, activity_, book_, prover_);
  Courier courier(client_, session_, journal_, vault_, prover_, book_,
                  options_.retry);
  while (!stop.stop_requested() && !is_finished_) {
    if (const std::optional<AskedSegment> lost = prover_.TakeLost()) {
      TrainAgain(*lost, stop);
    } else if (const std::optional<LeaseBook::Order> order = book_.Next()) {
      Work(*order, courier, stop);
    } else {
      Refill(courier, stop);
    }
  }
  activity_.Rest(WorkerActivity::kUploading);
  // Reports first: they bind only while the lease is held.
  const Countdown drain(options_.drain_timeout);
  if (!courier.WaitUntilIdle({}, drain.left())) {
    LogWarn("trials_undelivered", "not all trained trials reached the pool",
            "start this worker again: they are kept, and sent then");
  }
  prover_.Poke();
  prover_.WaitUntilIdle(std::min(drain.left(), kLastAnswersTimeout));
  if (prover_.kept() > 0) {
    LogInfo("trials_unsettled",
            "some trials have not settled: start this worker again before "
            "their task ends, because audits may still ask for them",
            {{"trials", prover_.kept()}});
  }
  WaitForNext();
  for (const auto& lease : book_.Close()) GiveBack(*lease);
  return absl::OkStatus();
}

absl::Status Agent::OpenFirstSession(const std::stop_token& stop) {
  Backoff backoff(options_.retry);
  while (true) {
    const absl::Status status = session_.Get(stop).status();
    if (status.ok() || IsFinal(status)) return status;
    SayIdle(status);
    if (WaitOrStop(stop, backoff.Next())) return status;
  }
}

absl::StatusOr<AcquiredLease> Agent::Ask(const std::vector<LeaseId>& holding,
                                         absl::Duration wait,
                                         const std::stop_token& stop) {
  return WithSession(session_, stop, [&](SessionId session) {
    return client_.AcquireLease(session, holding, wait, stop);
  });
}

void Agent::Refill(Courier& courier, const std::stop_token& stop) {
  // What is on its way may make a list grow, and would be handed out again.
  activity_.Rest(WorkerActivity::kUploading);
  if (!courier.WaitUntilIdle(stop, absl::InfiniteDuration())) return;
  WaitForNext();
  if (book_.Next()) return;
  // The pool has ended what is complete, and hands out the rest again.
  for (const auto& lease : book_.Close()) {
    if (impossible_.contains(lease->lease)) GiveBack(*lease);
  }
  const bool is_stuck = !impossible_.empty() || !made_progress_;
  impossible_.clear();
  activity_.Rest(WorkerActivity::kWaiting);
  if (is_stuck && WaitOrStop(stop, backoff_.Next())) return;
  if (!is_stuck) backoff_.Reset();
  absl::StatusOr<AcquiredLease> acquired = Ask({}, options_.acquire_wait, stop);
  made_progress_ = true;
  if (acquired.ok() && acquired->lease.has_value()) {
    made_progress_ = false;
    idle_said_.clear();
    return Enter(*std::move(acquired->lease));
  }
  if (stop.stop_requested()) return;
  if (acquired.ok()) return Idle(*acquired, stop);
  // Suspended, away, or speaking another version: all may pass.
  SayIdle(acquired.status());
  made_progress_ = false;
}

void Agent::Idle(const AcquiredLease& acquired, const std::stop_token& stop) {
  if (!options_.only_finishes) {
    SayIdle(acquired.idle_reason, acquired.idle_message);
  } else if (acquired.idle_reason != "MAINTENANCE" && vault_.Kept().empty()) {
    // What is held comes before any reason but that one. Whatever else lies in
    // the vault is of leases that are over.
    vault_.RemoveUnkept();
    is_finished_ = true;
    return;
  }
  WaitOrStop(stop, options_.idle_pause);
}

void Agent::Work(const LeaseBook::Order& order, Courier& courier,
                 const std::stop_token& stop) {
  const wire::WorkAssignment& assignment = order.assignment;
  if (const auto entry = journal_.Find(IdOf(assignment))) {
    courier.Deliver(*entry);
    return book_.Finish(assignment.trial);
  }
  LookAhead(stop);
  const absl::Status status = Train(order, courier, stop);
  const bool is_wanted = book_.IsWanted(assignment.trial);
  if (status.ok()) {
    made_progress_ = true;
  } else if (!stop.stop_requested() && is_wanted) {
    LogError("trial_not_trained", "a trial cannot be trained here",
             "the lease goes back and others train it; if it repeats, do what "
             "the error says",
             {{"trial_id", assignment.trial}, {"error", status}});
    std::vector<TrialId>& never = impossible_[order.lease->lease];
    if (TakesTooMuch(status)) never.push_back(assignment.trial);
  } else if (!is_wanted) {
    LogInfo("trial_unwanted", "the pool no longer wants a trial",
            {{"trial_id", assignment.trial}});
    made_progress_ = true;
  }
  if (!stop.stop_requested()) book_.Finish(assignment.trial);
}

absl::StatusOr<TrainingResult> Agent::TrainTrial(const Training& training,
                                                 const std::stop_token& stop) {
  const wire::WorkLease& lease = training.lease;
  const wire::WorkAssignment& assignment = training.assignment;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::shared_ptr<const TrainingData> data,
                            RetryWhileTransient(options_.retry, stop, [&] {
                              return data_.Get(lease.dataset, lease.manifest,
                                               stop);
                            }));
  TensorMap resumed;
  if (assignment.resumes.IsSet()) {
    ARCHPOOL_ASSIGN_OR_RETURN(resumed,
                              RetryWhileTransient(options_.retry, stop, [&] {
                                return rung_weights_.Get(assignment, stop);
                              }));
  }
  const auto goes_on = [&] {
    return !stop.stop_requested() && training.is_wanted();
  };
  activity_.Rest(WorkerActivity::kWaiting);
  // By itself where it was under way when this worker ended: the next time it
  // is known whose fault that was.
  const Places::Wish wish{
      .memory_bytes =
          trainer_.MemoryBytes(assignment.plan, lease.recipe, lease.manifest),
      .is_alone = attempts_.DeathsOf(assignment.trial_key) > 0};
  ARCHPOOL_ASSIGN_OR_RETURN(const Places::Place place,
                            places_.Take(wish, goes_on));
  ARCHPOOL_RETURN_IF_ERROR(training.on_begin());
  activity_.Train(assignment.trial);
  return trainer_.Train(
      {assignment.plan, lease.recipe, assignment.rung,
       assignment.resumes.IsSet() ? &resumed : nullptr, assignment.trial_key,
       lease.manifest, data->train, data->validation, training.from,
       place.threads()},
      [&](int64_t step, int64_t steps) {
        activity_.SetStep(step, steps);
        return goes_on();
      },
      [&](const Checkpoint& checkpoint) {
        return vault_.Add(IdOf(assignment), checkpoint);
      });
}

absl::StatusOr<TrainingResult> Agent::TrainWhole(const LeaseBook::Order& order,
                                                 const std::stop_token& stop) {
  const wire::WorkLease& lease = *order.lease;
  const wire::WorkAssignment& assignment = order.assignment;
  const TrainingId id = IdOf(assignment);
  const int64_t segments = lease.recipe.segments;
  if (std::ssize(vault_.FilesOf(id)) > segments + 1) vault_.Restart(id);
  const std::optional<Checkpoint> from = vault_.LatestOf(id);
  const auto train_from = [&](const Checkpoint* begin) {
    const auto is_wanted = [&] { return book_.IsWanted(assignment.trial); };
    const auto on_begin = [&] {
      since_begin_ = Stopwatch();
      return attempts_.Begin(id.key, begin ? begin->boundary : 0);
    };
    return TrainTrial({lease, assignment, begin, is_wanted, on_begin}, stop);
  };
  if (from) {
    LogInfo("trial_resumed", "a training continues from a checkpoint",
            {{"trial_id", assignment.trial},
             {"segment", from->boundary},
             {"segments", segments}});
  }
  const auto is_whole = [&] {
    return std::ssize(vault_.FilesOf(id)) == segments + 1;
  };
  absl::StatusOr<TrainingResult> result = train_from(from ? &*from : nullptr);
  const bool is_lost = result.ok()
                           ? !is_whole()
                           : GetReason(result.status()) == "CHECKPOINT_LOST";
  if (!is_lost) return result;
  LogWarn("checkpoints_lost",
          "checkpoints of a training are missing: it is trained again",
          "check the disk of --work-dir, and that nothing else removes files "
          "there",
          {{"trial_id", assignment.trial}});
  vault_.Restart(id);
  result = train_from(nullptr);
  if (!result.ok() || is_whole()) return result;
  return Internal(
      "CHECKPOINTS_INCOMPLETE",
      "the training left fewer checkpoints than its recipe asks for");
}

absl::Status Agent::Train(const LeaseBook::Order& order, Courier& courier,
                          const std::stop_token& stop) {
  const wire::WorkLease& lease = *order.lease;
  const wire::WorkAssignment& assignment = order.assignment;
  if (attempts_.DeathsOf(assignment.trial_key) >= kDeathsMax) {
    return ResourceExhausted(
        "TRAINING_KILLS_WORKER",
        absl::StrCat("this worker was ended from outside ", kDeathsMax,
                     " times while it trained this network, most likely "
                     "because memory ran out: other machines train it"));
  }
  const CheckpointVault::Hold hold = vault_.Begin(IdOf(assignment));
  const auto end_attempt = [&] {
    const absl::Status noted = attempts_.End(assignment.trial_key);
    if (!noted.ok()) WarnOfDisk(noted);
  };
  // A worker that is asked to stop may end in the middle of a step.
  std::optional<std::stop_callback<std::function<void()>>> on_stop(
      std::in_place, stop, end_attempt);
  const absl::StatusOr<TrainingResult> result_or = TrainWhole(order, stop);
  on_stop.reset();
  end_attempt();
  ARCHPOOL_ASSIGN_OR_RETURN(const TrainingResult result, result_or);
  const CheckpointChain chain(vault_.FilesOf(IdOf(assignment)));
  TrialCommitment commitment;
  commitment.trial = assignment.trial;
  commitment.lease = lease.lease;
  commitment.attempt = lease.attempt;
  commitment.validation_correct = result.validation_correct;
  commitment.train_time = since_begin_.elapsed();
  commitment.checkpoint_root = chain.Root();
  commitment.diverged_at_step = result.diverged_at_step;
  if (result.diverged_at_step) {
    LogInfo(
        "trial_diverged", "a training diverged and ended before that step",
        {{"trial_id", assignment.trial}, {"step", *result.diverged_at_step}});
  }
  commitment.final_optimizer = chain.boundary(chain.segments()).optimizer;
  commitment.final_proof = chain.ProofOf(chain.segments());
  LogInfo("trial_trained", "a trial is trained",
          {{"trial_id", assignment.trial},
           {"correct", result.validation_correct},
           {"examples", lease.manifest.validation_count},
           {"train_s", commitment.train_time}});
  const std::string weights = SerializeSafetensors(result.weights);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const JournalEntry entry,
      journal_.Add(assignment.trial_key, commitment, weights));
  if (assignment.rung < lease.recipe.last_rung()) {
    rung_weights_.Keep(entry.commitment.weights_digest, weights);
  }
  courier.Deliver(entry);
  return absl::OkStatus();
}

void Agent::TrainAgain(const AskedSegment& asked, const std::stop_token& stop) {
  const wire::WorkAssignment& assignment = asked.lease.assignments[0];
  const TrainingId id = IdOf(assignment);
  const CheckpointVault::Hold hold = vault_.Begin(id);
  const absl::Status status =
      TrainTrial(
          {.lease = asked.lease,
           .assignment = assignment,
           .from = nullptr,
           .is_wanted =
               [&] { return !asked.left.IsOver() && !vault_.IsRemoved(id); },
           .on_begin = [] { return absl::OkStatus(); }},
          stop)
          .status();
  if (!status.ok() && !stop.stop_requested()) {
    LogError("audit_not_answered",
             "an audited trial whose checkpoints are missing cannot be trained "
             "again",
             "the trial will be rejected; do what the error says before more "
             "of them are",
             {{"trial_id", asked.trial}, {"error", status}});
  }
  const absl::Status kept = vault_.Keep(id);
  if (!kept.ok()) WarnOfDisk(kept);
  prover_.Restored(asked.trial);
}

void Agent::LookAhead(const std::stop_token& stop) {
  const bool is_asking =
      next_.valid() &&
      next_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
  if (is_asking || !book_.IsRunningOut()) return;
  next_ =
      std::async(std::launch::async, [this, stop, label = LogLabel::Current()] {
        const LogLabel own(label);
        absl::StatusOr<AcquiredLease> acquired =
            Ask(book_.leases(), absl::ZeroDuration(), stop);
        // Where there is none, Refill asks again, and says why.
        if (acquired.ok() && acquired->lease.has_value()) {
          Enter(*std::move(acquired->lease));
        }
      });
}

void Agent::WaitForNext() {
  if (next_.valid()) next_.get();
}

void Agent::Enter(wire::WorkLease lease) {
  LogInfo("lease_acquired", "the pool assigned trials to train",
          {{"lease_id", lease.lease},
           {"task_id", lease.task},
           {"trials", lease.assignments.size()},
           {"price_coins_per_core_hour", FormatCoins(lease.price)},
           {"is_backup", lease.is_backup}});
  book_.Add(std::move(lease));
}

void Agent::GiveBack(const wire::WorkLease& lease) {
  const auto found = impossible_.find(lease.lease);
  const std::vector<TrialId> never =
      found == impossible_.end() ? std::vector<TrialId>() : found->second;
  const absl::Status released =
      WithSession(session_, {}, [&](SessionId session) {
        return client_.ReleaseLease(session, lease.lease, lease.attempt, never);
      });
  if (released.ok()) {
    LogInfo("lease_returned", "a lease went back to the pool",
            {{"lease_id", lease.lease}});
  } else {
    LogWarn("lease_not_returned", "a lease could not be returned to the pool",
            "nothing need be done: it expires",
            {{"lease_id", lease.lease}, {"error", released}});
  }
}

void Agent::SayIdle(const absl::Status& status) {
  SayIdle(GetReason(status), std::string(status.message()));
}

void Agent::SayIdle(const std::string& reason, const std::string& message) {
  if (reason == idle_said_) return;
  idle_said_ = reason;
  LogInfo("no_work", "the pool has no work for this worker now",
          {{"reason", reason}, {"detail", message}});
}

}  // namespace archpool
