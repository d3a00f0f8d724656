// SPDX-License-Identifier: Apache-2.0
#include "simulator/troubled_miner.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/check.h"

namespace archpool {
namespace {

// A worker's weights, about.
constexpr int64_t kWeightsBytes = 1'000'000;
constexpr absl::Duration kRetry = absl::Seconds(5);
constexpr absl::Duration kIdle = absl::Seconds(10);
constexpr absl::Duration kChunkMax = absl::Seconds(30);

}  // namespace

const CheckpointChain& TroubleChain() {
  static const CheckpointChain* const kChain = [] {
    std::vector<CheckpointFiles> boundaries;
    for (int64_t k = 0; k <= kTroubleSegments; ++k) {
      boundaries.push_back({Sha256(absl::StrCat("weights ", k)), kWeightsBytes,
                            Sha256(absl::StrCat("optimizer ", k)),
                            kWeightsBytes});
    }
    return new CheckpointChain(boundaries);
  }();
  return *kChain;
}

int64_t TrueCorrect(const TaskSpec& spec, const Architecture& architecture) {
  int64_t sum = 0;
  for (const uint8_t choice : architecture.choices) sum = 7 * sum + choice;
  if (spec.name == kNothingToLearn) {
    return kTroubleExamples / kTroubleClasses + sum % 60 - 30;
  }
  return kTroubleExamples * 3 / 10 + sum % (kTroubleExamples / 2);
}

TroubledMiner::TroubledMiner(const Traits& traits, TroubledPool& pool)
    : traits_(traits), pool_(pool) {
  machine_.pace = traits.pace;
  machine_.line_rate = traits.line_rate;
  Begin();
}

void TroubledMiner::NoteMachine() {
  machine_.is_away = !CanReach();
  if (account_.IsSet() && !traits_.cheats) {
    pool_.oracle.NoteMachine(account_, machine_, pool_.agenda.now());
  }
}

// It may have been made though the reply was lost.
bool TroubledMiner::OpenAgain() {
  if (!account_.IsSet()) {
    const Account* made = pool_.state().accounts().Find(traits_.name);
    if (made == nullptr || !pool_.is_up()) {
      (void)pool_.Do(
          CreateAccount{traits_.name, Role::kMiner, Sha256(traits_.name)});
      return false;
    }
    account_ = made->id;
    NoteMachine();
  }
  const auto opened = pool_.Do(OpenSession{account_, "w", 1});
  if (!opened.ok()) return false;
  session_ = *opened;
  return true;
}

void TroubledMiner::Begin() {
  if (has_vanished_ || !is_up_) return;
  const int64_t life = life_;
  if (!CanReach() || !OpenAgain()) {
    pool_.agenda.In(Own(kRetry), [this, life] {
      if (life == life_) Begin();
    });
    return;
  }
  Beat();
  Next();
  Send();
}

void TroubledMiner::Beat() {
  Flush();
  Renew();
  Review();
  const int64_t life = life_;
  pool_.agenda.In(Own(pool_.policy.silence_term / 4), [this, life] {
    if (life == life_) Beat();
  });
}

void TroubledMiner::Renew() {
  const std::set<LeaseId> leases = leases_;
  for (const LeaseId lease : leases) {
    const auto renewed = Call(RenewLease{account_, session_, lease});
    if (GetReason(renewed.status()) == "LEASE_ENDED") {
      Drop(lease);
    } else if (renewed.ok()) {
      for (const TrialId trial : renewed->withdrawn) Withdraw(trial);
    }
  }
}

void TroubledMiner::Drop(LeaseId lease) {
  leases_.erase(lease);
  std::erase_if(list_, [&](const Job& job) { return job.lease == lease; });
  if (training_ && !training_->is_again && training_->lease == lease) {
    StopTraining();
    Next();
  }
}

void TroubledMiner::Withdraw(TrialId trial) {
  std::erase_if(list_,
                [&](const Job& job) { return job.assignment.trial == trial; });
  if (training_ && !training_->is_again &&
      training_->assignment.trial == trial) {
    StopTraining();
    Next();
  }
}

void TroubledMiner::Review() {
  const auto review =
      Call(ReviewTrials{account_, session_, {kept_.begin(), kept_.end()}});
  if (!review.ok()) return;
  for (const TrialId settled : review->settled) {
    kept_.erase(settled);
    lost_.erase(settled);
  }
  for (const auto& asked : review->asked) {
    const TrialId trial = asked.request.trial;
    if (lost_.contains(trial) && answering_.insert(trial).second) {
      again_.push_back({.assignment = asked.grant.assignments.at(0),
                        .lease = asked.grant.lease.id,
                        .attempt = 0,
                        .spec = asked.grant.spec,
                        .is_again = true,
                        .segment = asked.request.segment});
    } else {
      Ask(trial, asked.request);
    }
  }
  if (!training_) Next();
}

absl::Duration TroubledMiner::TimeOf(const Job& job) const {
  const Recipe& recipe = job.spec->recipe;
  const int64_t rung = job.assignment.rung;
  const int64_t epochs = job.assignment.resumes.IsSet()
                             ? recipe.EpochsOfRung(rung)
                             : recipe.EpochsUpToRung(rung);
  return traits_.pace * (epochs * kTroubleTraining);
}

void TroubledMiner::Next() {
  if (training_ || !is_up_ || has_vanished_ || is_suspended_) return;
  if (!again_.empty()) {
    Job job = std::move(again_.front());
    again_.pop_front();
    return Train(std::move(job));
  }
  if (list_.empty() && !Acquire()) {
    const int64_t life = life_;
    const int64_t trainings = ++trainings_;
    pool_.agenda.In(Own(kIdle), [this, life, trainings] {
      if (life == life_ && trainings == trainings_) Next();
    });
    return;
  }
  Job job = std::move(list_.front());
  list_.pop_front();
  Train(std::move(job));
}

// As a worker does: once all is reported, it asks for whatever it holds.
bool TroubledMiner::Acquire() {
  Flush();
  if (!reports_.empty()) return false;
  pool_.Rank();
  const auto reply = Call(AcquireLease{account_, session_, {}});
  if (GetReason(reply.status()) == "ACCOUNT_SUSPENDED") is_suspended_ = true;
  if (!reply.ok()) return false;
  leases_.clear();
  if (!reply->grant) return false;
  const LeaseGrant& grant = *reply->grant;
  leases_.insert(grant.lease.id);
  for (const Assignment& assignment : grant.assignments) {
    list_.push_back(
        {assignment, grant.lease.id, grant.lease.attempt, grant.spec});
  }
  return !list_.empty();
}

void TroubledMiner::Train(Job job) {
  const bool is_trained =
      traits_.cheats ||
      (!job.is_again && trained_.contains(job.assignment.trial));
  const absl::Duration time = is_trained ? absl::Seconds(1) : TimeOf(job);
  training_ = std::move(job);
  training_since_ = pool_.agenda.now();
  const int64_t trainings = ++trainings_;
  pool_.agenda.In(time, [this, trainings] {
    if (trainings == trainings_) Finish();
  });
}

void TroubledMiner::StopTraining() {
  if (training_ && !traits_.cheats) {
    units_trained_ += absl::FDivDuration(
        (pool_.agenda.now() - training_since_) / traits_.pace,
        absl::Microseconds(1));
  }
  training_.reset();
  ++trainings_;
}

void TroubledMiner::Finish() {
  const Job job = *training_;
  StopTraining();
  if (job.is_again) {
    lost_.erase(job.assignment.trial);
    answering_.erase(job.assignment.trial);
    AuditRequest request;
    request.trial = job.assignment.trial;
    request.segment = job.segment;
    Ask(job.assignment.trial, request);
  } else {
    reports_.push_back(job);
    Flush();
  }
  Next();
}

void TroubledMiner::Flush() {
  const CheckpointChain& chain = TroubleChain();
  const CheckpointFiles& end = chain.boundary(kTroubleSegments);
  while (!reports_.empty()) {
    const Job job = reports_.front();
    const TrialId trial = job.assignment.trial;
    if (traits_.cheats) pool_.fakes.insert(trial);
    // Its clock may have been set meanwhile; never below nothing, which the
    // edge refuses.
    const absl::Duration took =
        std::max(absl::ZeroDuration(), Own(TimeOf(job)) + traits_.clock_step);
    const auto reply =
        Call(ReportTrials{account_,
                          session_,
                          job.lease,
                          job.attempt,
                          {{.trial = trial,
                            .weights_digest = end.weights,
                            .weights_size_bytes = end.weights_size_bytes,
                            .validation_correct = TrueCorrect(
                                *job.spec, job.assignment.architecture),
                            .train_time = took,
                            .checkpoint_root = chain.Root(),
                            .final_optimizer = end.optimizer,
                            .final_proof = chain.ProofOf(kTroubleSegments)}}});
    if (!reply.ok()) return;  // says it again at its next sign of life
    reports_.pop_front();
    const ReportTrials::Result& result = reply->results.at(0);
    if (!result.status.ok()) {
      if (!traits_.cheats) {
        trained_.insert(trial);  // if it is given that one once more
        pool_.oracle.NoteRefused(trial, job.lease, GetReason(result.status),
                                 pool_.agenda.now());
      }
      continue;
    }
    kept_.insert(trial);
    if (result.audit) {
      Ask(trial, *result.audit);
    } else if (result.wants_weights && answering_.insert(trial).second) {
      Enqueue({.trial = trial, .weights = end.weights}, 1);
    }
    for (const Assignment& assignment : reply->appended) {
      list_.push_back({assignment, job.lease, job.attempt, job.spec});
    }
  }
}

void TroubledMiner::Ask(TrialId trial, const AuditRequest& request) {
  if (!answering_.insert(trial).second) return;
  Enqueue({.trial = trial,
           .weights = TroubleChain().boundary(kTroubleSegments).weights,
           .segment = request.segment},
          request.segment > 0 ? 3 : 1);
}

void TroubledMiner::Enqueue(Answer answer, int64_t files) {
  answer.bytes_left = static_cast<double>(files * kWeightsBytes);
  line_.push_back(std::move(answer));
  if (line_.size() == 1) Send();
}

// The front of the line, a chunk at a time.
void TroubledMiner::Send() {
  if (line_.empty() || !is_up_) return;
  const absl::Duration rest =
      absl::Seconds(line_.front().bytes_left / traits_.line_rate);
  const absl::Duration chunk = std::clamp(rest, absl::Seconds(1), kChunkMax);
  const int64_t life = life_;
  pool_.agenda.In(chunk, [this, life, chunk] {
    if (life != life_ || line_.empty()) return;
    Answer& front = line_.front();
    if (CanReach() && pool_.is_up()) {
      front.bytes_left -= traits_.line_rate * absl::ToDoubleSeconds(chunk);
      if (front.is_lost || (front.bytes_left <= 0 && Deliver(front))) {
        // What is lost on its way stays in answering_: it believes it sent it.
        if (!front.is_lost) answering_.erase(front.trial);
        line_.pop_front();
      }
    }
    Send();
  });
}

bool TroubledMiner::Deliver(const Answer& answer) {
  const auto is_settled = [](const absl::Status& status) {
    return status.code() != absl::StatusCode::kUnavailable;
  };
  if (answer.segment) {
    const int64_t segment = *answer.segment;
    const Opening opening = TroubleChain().Open(segment);
    if (!is_settled(pool_.Do(RevealSegment{account_, answer.trial, opening})
                        .status())) {
      return false;
    }
    if (segment > 0) {
      for (const Digest& file :
           {opening.begin.weights, opening.begin.optimizer}) {
        if (!is_settled(
                pool_.Do(ConfirmUpload{account_, answer.trial, file, true})
                    .status())) {
          return false;
        }
      }
    }
  }
  return is_settled(
      pool_.Do(ConfirmUpload{account_, answer.trial, answer.weights}).status());
}

void TroubledMiner::Crash(absl::Duration duration) {
  if (!is_up_ || has_vanished_) return;
  is_up_ = false;
  ++life_;
  NoteMachine();
  StopTraining();
  list_.clear();
  again_.clear();
  for (const TrialId trial : lost_) answering_.erase(trial);
  leases_.clear();
  pool_.agenda.In(duration, [this] {
    if (has_vanished_) return;
    is_up_ = true;
    NoteMachine();
    Begin();
  });
}

void TroubledMiner::CutOff(absl::Duration duration) {
  if (is_cut_off_ || has_vanished_) return;
  is_cut_off_ = true;
  NoteMachine();
  pool_.agenda.In(duration, [this] {
    is_cut_off_ = false;
    NoteMachine();
  });
}

void TroubledMiner::LoseFiles() {
  if (has_vanished_) return;
  // What was reported may be committed though the reply was lost.
  for (const Job& job : reports_) kept_.insert(job.assignment.trial);
  reports_.clear();
  for (const TrialId trial : kept_) NoteLost(trial);
  lost_ = kept_;
  trained_.clear();
  for (const Answer& answer : line_) answering_.erase(answer.trial);
  line_.clear();
  ++life_;  // the line's next chunk is void
  Begin();
}

void TroubledMiner::LoseAnswer() {
  if (line_.empty() || has_vanished_) return;
  line_.front().is_lost = true;
  NoteLost(line_.front().trial);
}

void TroubledMiner::NoteLost(TrialId trial) {
  if (!traits_.cheats) pool_.oracle.NoteLost(trial);
}

void TroubledMiner::Vanish() {
  has_vanished_ = true;
  is_up_ = false;
  ++life_;
  StopTraining();
  NoteMachine();
}

}  // namespace archpool
