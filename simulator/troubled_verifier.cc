// SPDX-License-Identifier: Apache-2.0
#include "simulator/troubled_verifier.h"

#include <utility>

namespace archpool {
namespace {

constexpr absl::Duration kIdle = absl::Seconds(5);

bool IsLost(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable;
}

}  // namespace

TroubledVerifier::TroubledVerifier(AccountId account, const std::string& name,
                                   double pace, TroubledPool& pool)
    : key_{account, name}, pace_(pace), pool_(pool) {
  SetHealth(Health::kWell);
}

void TroubledVerifier::SetHealth(Health health) {
  health_ = health;
  pool_.oracle.NoteVerifier(key_, health == Health::kWell, pool_.agenda.now());
  // It is started again: what it had in hand it is given once more.
  ++life_;
  grant_.reset();
  if (health != Health::kDead) Poll();
}

absl::Duration TroubledVerifier::ExamTime(const AuditGrant& grant) const {
  if (health_ == Health::kFailing) return absl::Seconds(10);
  const WorkUnits units = grant.audit.kind == AuditKind::kWhole
                              ? grant.trial.work_units
                              : grant.trial.work_units / kTroubleSegments;
  return pace_ * absl::Microseconds(units);
}

void TroubledVerifier::Poll() {
  const int64_t life = ++life_;
  auto reply = pool_.Do(AcquireAudit{key_.account, key_.name});
  if (!reply.ok() || !reply->has_value()) {
    pool_.agenda.In(kIdle, [this, life] {
      if (life == life_) Poll();
    });
    return;
  }
  grant_ = **std::move(reply);
  Renew();
  if (health_ == Health::kFrozen) return;
  pool_.agenda.In(ExamTime(*grant_), [this, life] {
    if (life == life_) Report();
  });
}

void TroubledVerifier::Renew() {
  const int64_t life = life_;
  pool_.agenda.In(grant_->renewal_interval, [this, life] {
    if (life != life_) return;
    const auto renewed = pool_.Do(RenewAudit{key_.account, grant_->audit.id,
                                             grant_->audit.attempt, key_.name});
    if (renewed.ok() || IsLost(renewed.status())) return Renew();
    grant_.reset();  // it is another's
    Poll();
  });
}

void TroubledVerifier::Report() {
  const Audit& audit = grant_->audit;
  const Trial& trial = grant_->trial;
  ReportAudit report{key_.account, audit.id, audit.attempt, key_.name,
                     AuditInconclusive{"EXAMINER_CRASHED"}};
  report.audit_time = ExamTime(*grant_);
  const Trial* known = pool_.state().Find(trial.id);
  const bool is_planted =
      known != nullptr && CommitmentOf(*known).checkpoint_root !=
                              CommitmentOf(trial).checkpoint_root;
  const bool is_fake = is_planted || pool_.fakes.contains(trial.id);
  const bool replays = health_ == Health::kWell || health_ == Health::kAlarms;
  if (health_ == Health::kAccuses || (replays && is_fake)) {
    report.finding = TrainingRefuted{
        audit.kind == AuditKind::kWhole ? "TRAINING_FALSE" : "SEGMENT_FALSE"};
  } else if (health_ == Health::kAlarms) {
    report.finding = AuditInconclusive{kEvaluationsDiffer};
  } else if (health_ == Health::kWell) {
    const int64_t correct = TrueCorrect(*grant_->spec, trial.architecture);
    report.finding = WeightsMeasured{correct, correct, audit.measures_all};
  }
  if (IsLost(pool_.Do(report).status())) {
    const int64_t life = life_;
    pool_.agenda.In(kIdle, [this, life] {
      if (life == life_) Report();
    });
    return;
  }
  grant_.reset();
  Poll();
}

}  // namespace archpool
