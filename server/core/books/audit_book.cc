// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/audit_book.h"

#include "server/core/rules/answer_size.h"
#include "server/core/rules/audit_cost.h"

namespace archpool {
namespace {

// What came of the checkpoint that the audit's segment begins with.
int64_t CheckpointBytes(const Audit* audit) {
  // The first begins with what follows from the trial's key: nothing came.
  if (audit == nullptr || audit->state == AuditState::kDone ||
      audit->segment == 0) {
    return 0;
  }
  const CheckpointFiles& begin = audit->opening.begin;
  int64_t bytes = 0;
  if ((audit->missing & kPartBeginWeights) == 0) {
    bytes += begin.weights_size_bytes;
  }
  if ((audit->missing & kPartBeginOptimizer) == 0) {
    bytes += begin.optimizer_size_bytes;
  }
  return bytes;
}

}  // namespace

void AuditBook::Put(const Audit& audit, const Trial& trial,
                    const TaskSpec& spec, const DatasetManifest& manifest) {
  const Audit* before = Find(audit.id);
  if (before != nullptr && before->state == AuditState::kLeased) {
    by_verifier_.erase({before->verifier, before->verifier_name});
  }
  const bool is_open = audit.state != AuditState::kDone;
  CountBacklog(before, audit, trial, spec, manifest);
  // Most changes are none to these.
  const bool was_blamed = before != nullptr && IsBlamed(*before);
  const bool is_blamed = is_open && IsBlamed(audit);
  if (is_blamed != was_blamed) {
    SetIn(blamed_, trial.account, audit.trial, is_blamed);
  }
  CountAway(before, audit, trial);
  const bool was_asked =
      before != nullptr && before->state == AuditState::kAsked;
  const bool is_asked = audit.state == AuditState::kAsked;
  if (is_asked != was_asked) {
    SetIn(asked_, trial.account, audit.id, is_asked);
    SetIn(asked_in_, {trial.account, CommitmentOf(trial).session}, audit.id,
          is_asked);
  }
  if (is_asked || was_asked) CountAsked(before, audit, trial);
  CountCheckpoint(before, audit, trial.account);
  if (audit.state == AuditState::kWaiting) {
    waiting_.Insert(trial.account, audit.id);
  } else {
    waiting_.Erase(trial.account, audit.id);
  }
  if (!is_open) {
    by_trial_.erase(audit.trial);
    audits_.erase(audit.id);
    return;
  }
  if (before == nullptr) by_trial_[audit.trial] = audit.id;
  audits_[audit.id] = audit;
  if (audit.state == AuditState::kLeased) {
    by_verifier_[{audit.verifier, audit.verifier_name}] = audit.id;
  }
}

void AuditBook::CountBacklog(const Audit* before, const Audit& audit,
                             const Trial& trial, const TaskSpec& spec,
                             const DatasetManifest& manifest) {
  // Nothing has changed for one that still waits, or was taken.
  if (before != nullptr && audit.state != AuditState::kDone &&
      before->kind == audit.kind) {
    return;
  }
  const auto cost_of = [&](const Audit* one) {
    return one == nullptr || one->state == AuditState::kDone
               ? 0
               : CostOf(spec, manifest, trial, one->kind).total();
  };
  backlog_ += cost_of(&audit) - cost_of(before);
}

void AuditBook::CountAsked(const Audit* before, const Audit& audit,
                           const Trial& trial) {
  const SessionId session = CommitmentOf(trial).session;
  AskedLoad& asked = asked_loads_[session];
  const auto count = [&](const Audit* one, int64_t sign) {
    if (one == nullptr || one->state != AuditState::kAsked) return;
    asked.answers += sign;
    asked.bytes += sign * AnswerSizeBytes(trial, one->missing);
  };
  count(&audit, 1);
  count(before, -1);
  if (asked.answers == 0) asked_loads_.erase(session);
}

void AuditBook::CountCheckpoint(const Audit* before, const Audit& audit,
                                AccountId miner) {
  const int64_t more = CheckpointBytes(&audit) - CheckpointBytes(before);
  if (more != 0) AddTo(checkpoint_bytes_, miner, more);
}

int64_t AuditBook::CheckpointBytesOf(AccountId miner) const {
  const int64_t* bytes = FindIn(checkpoint_bytes_, miner);
  return bytes == nullptr ? 0 : *bytes;
}

void AuditBook::CountAway(const Audit* before, const Audit& audit,
                          const Trial& trial) {
  const bool was_due = before != nullptr && before->away_until.has_value();
  const bool is_due =
      audit.state != AuditState::kDone && audit.away_until.has_value();
  if (is_due != was_due) SetIn(away_, trial.account, audit.id, is_due);
  // A trial has its verdict only after its audit was put as done.
  const auto count = [&](const Audit* one) -> int64_t {
    return one != nullptr && one->state == AuditState::kAsked && one->is_away &&
                   IsPending(trial.state)
               ? 1
               : 0;
  };
  const int64_t change = count(&audit) - count(before);
  if (change != 0) AddTo(away_in_, audit.task, change);
}

const Audit* AuditBook::Find(AuditId id) const { return FindIn(audits_, id); }

AuditId AuditBook::Of(TrialId trial) const {
  const AuditId* id = FindIn(by_trial_, trial);
  return id == nullptr ? AuditId{} : *id;
}

AuditId AuditBook::HeldBy(AccountId account,
                          const std::string& verifier) const {
  const AuditId* id = FindIn(by_verifier_, {account, verifier});
  return id == nullptr ? AuditId{} : *id;
}

std::vector<AuditId> AuditBook::HeldBy(AccountId account) const {
  std::vector<AuditId> held;
  for (auto it = by_verifier_.lower_bound({account, ""});
       it != by_verifier_.end() && it->first.first == account; ++it) {
    held.push_back(it->second);
  }
  return held;
}

const absl::btree_set<AuditId>& AuditBook::AskedOf(AccountId miner) const {
  return SetIn(asked_, miner);
}

const absl::btree_set<AuditId>& AuditBook::AwayOf(AccountId miner) const {
  return SetIn(away_, miner);
}

int64_t AuditBook::AwayIn(TaskId task) const {
  const int64_t* count = FindIn(away_in_, task);
  return count == nullptr ? 0 : *count;
}

AskedLoad AuditBook::AskedOf(SessionId session) const {
  const AskedLoad* load = FindIn(asked_loads_, session);
  return load == nullptr ? AskedLoad() : *load;
}

const absl::btree_set<AuditId>& AuditBook::AskedIn(AccountId miner,
                                                   SessionId session) const {
  return SetIn(asked_in_, {miner, session});
}

std::vector<SessionId> AuditBook::SessionsAsked(AccountId miner) const {
  std::vector<SessionId> sessions;
  for (auto it = asked_in_.lower_bound({miner, SessionId{}});
       it != asked_in_.end() && it->first.first == miner; ++it) {
    sessions.push_back(it->first.second);
  }
  return sessions;
}

TrialId AuditBook::BlamedOf(AccountId miner) const {
  const absl::btree_set<TrialId>& blamed = SetIn(blamed_, miner);
  return blamed.empty() ? TrialId{} : *blamed.begin();
}

}  // namespace archpool
