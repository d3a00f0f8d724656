// How each record enters the indexes.
#include <algorithm>

#include "common/base/check.h"
#include "common/model/chance.h"
#include "server/core/rules/policy.h"
#include "server/core/state/pool_state.h"
#include "server/core/state/queries.h"

namespace archpool {
namespace {

void Replace(std::set<Due>& due, const Due& before, const Due& after) {
  if (before == after) return;
  due.erase(before);
  if (after.time != absl::InfiniteFuture()) due.insert(after);
}

// Replaces what `before` (nullptr for a new record) contributed by `after`'s.
template <typename Record>
void Reschedule(std::set<Due>& due, const Record* before, const Record& after) {
  Replace(due, before == nullptr ? Due() : DueOf(*before), DueOf(after));
}

template <typename Key, typename Id>
void RemoveFrom(absl::btree_map<Key, absl::btree_set<Id>>& map, const Key& key,
                const Id& id) {
  const auto found = map.find(key);
  if (found == map.end()) return;
  found->second.erase(id);
  if (found->second.empty()) map.erase(found);
}

bool Claims(const Trial& trial) {
  return IsPending(trial.state) || trial.state == TrialState::kAccepted;
}

// Whether a change of the trial is none to its box and its rung.
bool CountsAlikeInBox(const Trial& a, const Trial& b) {
  return a.state == b.state && a.subspace == b.subspace &&
         a.is_at_chance == b.is_at_chance && IsResult(a) == IsResult(b) &&
         ValidationCorrect(a) == ValidationCorrect(b);
}

void Add(absl::btree_map<AccountId, int64_t>& counts, AccountId account,
         int64_t sign) {
  int64_t& count = counts[account];
  count += sign;
  if (count == 0) counts.erase(account);
}

// Whether a change of the trial is none to the verdict on it.
bool IsSameResult(const Trial& a, const Trial& b) {
  return a.state == b.state && a.basis == b.basis &&
         a.work_units == b.work_units && a.is_at_chance == b.is_at_chance &&
         a.is_barred == b.is_barred &&
         a.verified_accuracy_ppm == b.verified_accuracy_ppm;
}

// A trial that still counts against the budget and keeps its network taken.
bool Holds(TrialState state) {
  return state != TrialState::kRejected && state != TrialState::kAbandoned;
}

int64_t MeasuredPpm(const PoolState& state, const Trial& trial) {
  return ValidationCorrect(trial) * 1'000'000 /
         ManifestOf(state, trial.task).validation_count;
}

// Of a result above chance on the validation split.
bool ShowsLearning(const PoolState& state, const Trial& trial) {
  if (trial.held_out_correct == kNotMeasured) return true;
  const DatasetManifest& manifest = ManifestOf(state, trial.task);
  return IsAboveChance(trial.held_out_correct, manifest.held_out_count,
                       manifest.classes);
}

}  // namespace

template <typename Change>
void PoolState::Rescore(TaskId task, SubspaceId subspace, Change change) {
  TaskIndex& index = indexes_[task];
  BoxScore& score = index.scores[subspace];
  const bool open = index.open.erase({-score.Promise(), subspace}) > 0;
  const int64_t reward_before = score.RewardPpm();
  change(score);
  if (open) index.open.insert({-score.Promise(), subspace});
  const int64_t reward = score.RewardPpm();
  if (reward == reward_before) return;
  index.high_reward.Erase(subspace, reward_before, high_reward_share_ppm_);
  index.high_reward.Insert(subspace, reward, high_reward_share_ppm_);
}

void PoolState::Store(const Account& account) {
  const Account* before = Find(account.id);
  units_credited_ +=
      account.units_credited - (before == nullptr ? 0 : before->units_credited);
  if (account.trials_accepted >= kProvenTrials) {
    proven_commit_time_ =
        std::max(proven_commit_time_, account.performance.last_commit_time);
  }
  account_names_[account.name] = account.id;
  accounts_[account.id] = account;
}

void PoolState::Store(const DatasetRecord& dataset) {
  datasets_[dataset.id] = dataset;
}

void PoolState::Store(const Task& task) {
  Reschedule(due_, Find(task.id), task);
  requests_[{task.client, task.request_id}] = task.id.value;
  if (IsEnded(task.state)) {
    Forget(task.id);
    return;
  }
  if (!tasks_.contains(task.id)) {
    TaskIndex& index = indexes_[task.id];
    index.tree = BoxTree(
        task.spec->space,
        Partition(task.spec->space, task.spec->subspaces, kBoxesAtStartMax));
    const Recipe& recipe = task.spec->recipe;
    index.rungs.assign(static_cast<size_t>(recipe.last_rung()),
                       RungBoard(recipe.promoted_one_in));
  }
  tasks_[task.id] = task;
  const auto leases = static_cast<int64_t>(indexes_[task.id].leases.size());
  if (task.state == TaskState::kActive) {
    task_order_.insert({leases, task.id});
  } else {
    task_order_.erase({leases, task.id});
  }
}

void PoolState::Store(const SubspaceRecord& subspace) {
  TaskIndex& index = indexes_[subspace.task];
  const auto is_done = [](SubspaceState state) {
    return state == SubspaceState::kCompleted ||
           state == SubspaceState::kPruned;
  };
  BoxScore& score = index.scores[subspace.id];
  if (index.subspaces.insert(subspace.id).second) {
    if (subspace.parent.IsSet()) {
      index.tree.Split(subspace.parent, subspace.id, subspace.split_dimension,
                       subspace.split_choices);
    } else {
      index.tree.AddRoot(subspace.id);
    }
    score.prior_ppm = subspace.prior_ppm;
    index.high_reward.Insert(subspace.id, score.RewardPpm(),
                             high_reward_share_ppm_);
  } else if (is_done(Find(subspace.id)->state)) {
    --index.done_subspaces;
  }
  index.walks.erase(subspace.id);
  if (is_done(subspace.state)) ++index.done_subspaces;
  if (subspace.state == SubspaceState::kOpen) {
    index.open.insert({-score.Promise(), subspace.id});
  } else {
    index.open.erase({-score.Promise(), subspace.id});
  }
  subspaces_[subspace.id] = subspace;
}

void PoolState::Store(const Session& session) {
  const std::pair<AccountId, std::string> name(session.account,
                                               session.worker_name);
  if (session.state == SessionState::kOpen) {
    sessions_[session.id] = session;
    session_names_[name] = session.id;
    return;
  }
  sessions_.erase(session.id);
  const auto named = session_names_.find(name);
  if (named != session_names_.end() && named->second == session.id) {
    session_names_.erase(named);
  }
}

void PoolState::Store(const Lease& lease) {
  const Lease* before = Find(lease.id);
  Reschedule(due_, before, lease);
  Replace(due_, before == nullptr ? Due() : CheckOf(*before), CheckOf(lease));
  IndexBackups(before, lease);
  TaskIndex& index = indexes_[lease.task];
  const auto leases_before = static_cast<int64_t>(index.leases.size());
  if (before != nullptr && before->session != lease.session) {
    RemoveFrom(session_leases_, before->session, lease.id);
  }
  const bool was_active = before != nullptr;
  const bool is_active = lease.state == LeaseState::kActive;
  if (was_active != is_active) {
    account_leases_[lease.account] += is_active ? 1 : -1;
  }
  if (is_active) {
    leases_[lease.id] = lease;
    session_leases_[lease.session].insert(lease.id);
    subspace_leases_[lease.subspace].insert(lease.id);
    index.leases.insert(lease.id);
  } else {
    RemoveFrom(session_leases_, lease.session, lease.id);
    RemoveFrom(subspace_leases_, lease.subspace, lease.id);
    index.leases.erase(lease.id);
    leases_.erase(lease.id);
  }
  OrderTask(lease.task, leases_before);
  WantBackups(lease.primary.IsSet() ? lease.primary : lease.id);
}

void PoolState::OrderTask(TaskId task, int64_t leases_before) {
  const auto leases = static_cast<int64_t>(indexes_[task].leases.size());
  if (leases == leases_before) return;
  if (task_order_.erase({leases_before, task}) > 0) {
    task_order_.insert({leases, task});
  }
}

void PoolState::IndexBackups(const Lease* before, const Lease& lease) {
  if (before != nullptr) {
    backups_wanted_.erase({before->deadline, lease.id});
  }
  if (!lease.primary.IsSet()) return;
  backups_wanted_.erase({lease.deadline, lease.primary});
  if (lease.state == LeaseState::kActive) {
    backups_[lease.primary].insert(lease.id);
  } else {
    RemoveFrom(backups_, lease.primary, lease.id);
  }
}

void PoolState::WantBackups(LeaseId id) {
  const Lease* primary = Find(id);
  if (primary == nullptr) return;
  const auto running = static_cast<int64_t>(BackupsOf(id).size());
  if (primary->backups_wanted > running) {
    backups_wanted_.insert({primary->deadline, id});
  } else {
    backups_wanted_.erase({primary->deadline, id});
  }
}

void PoolState::Store(const Trial& trial) {
  TaskIndex& index = indexes_[trial.task];
  const auto found = trials_.find(trial.id);
  if (found == trials_.end() || !IsSameResult(found->second, trial)) {
    ++index.results_version;
  }
  if (found == trials_.end()) {
    Reschedule<Trial>(due_, nullptr, trial);
    index.trials.insert(trial.id);
    if (trial.resumes.IsSet()) index.grown[trial.resumes].push_back(trial.id);
    subspace_trials_[trial.subspace].insert(trial.id);
    trials_.emplace(trial.id, trial);
    IndexClaim(nullptr, trial);
  } else {
    Trial& before = found->second;
    Reschedule(due_, &before, trial);
    IndexClaim(&before, trial);
    Count(before, -1);
    // Money moves long after: the box need not be told.
    if (CountsAlikeInBox(before, trial)) {
      before = trial;
      Count(trial, +1);
      return;
    }
    CountInBox(before, -1);
    if (Holds(before.state) && !Holds(trial.state)) {
      index.walks.erase(trial.subspace);
    }
    if (before.subspace != trial.subspace) {
      RemoveFrom(subspace_trials_, before.subspace, trial.id);
      subspace_trials_[trial.subspace].insert(trial.id);
    }
    before = trial;
  }
  Count(trial, +1);
  CountInBox(trial, +1);
}

void PoolState::Store(const Audit& audit) {
  const Audit* before = Find(audit.id);
  Reschedule(due_, before, audit);
  if (before != nullptr && before->state == AuditState::kLeased) {
    verifier_audits_.erase({before->verifier, before->verifier_name});
  }
  const Trial& trial = *Find(audit.trial);
  CountBacklog(before, audit, trial);
  if (audit.state != AuditState::kDone && IsBlamed(audit)) {
    blamed_[trial.account].insert(audit.trial);
  } else {
    RemoveFrom(blamed_, trial.account, audit.trial);
  }
  if (audit.state == AuditState::kAsked) {
    asked_[trial.account].insert(audit.id);
  } else {
    RemoveFrom(asked_, trial.account, audit.id);
  }
  IndexWaiting(audit, trial);
  if (audit.state == AuditState::kDone) {
    trial_audits_.erase(audit.trial);
    indexes_[audit.task].audits.erase(audit.id);
    audits_.erase(audit.id);
    return;
  }
  audits_[audit.id] = audit;
  trial_audits_[audit.trial] = audit.id;
  indexes_[audit.task].audits.insert(audit.id);
  if (audit.state == AuditState::kLeased) {
    verifier_audits_[{audit.verifier, audit.verifier_name}] = audit.id;
  }
}

void PoolState::Store(const Payout& payout) {
  if (!payout.request_id.empty()) {
    requests_[RequestKey::OfPayout(payout.account, payout.request_id)] =
        payout.id.value;
  }
  if (IsEnded(payout.state)) {
    payouts_.erase(payout.id);
  } else {
    payouts_[payout.id] = payout;
  }
}

void PoolState::Store(const Transfer& transfer) {
  if (!transfer.request_id.empty()) {
    requests_[{AccountId{}, transfer.request_id}] = transfer.id.value;
  }
}

// An empty place is none: those of ended tasks would be kept for ever.
void PoolState::Store(const Balance& balance) {
  if (balance.amount == 0) {
    balances_.erase(balance.place);
  } else {
    balances_[balance.place] = balance.amount;
  }
}

void PoolState::CountResult(const Trial& trial, int64_t sign) {
  TaskIndex& index = indexes_[trial.task];
  if (trial.state == TrialState::kRejected ||
      (trial.state == TrialState::kAbandoned && trial.reason == kImpossible)) {
    const std::tuple place(trial.account, trial.architecture_id, trial.rung);
    if (sign > 0) {
      index.rejected.insert(place);
    } else {
      index.rejected.erase(place);
    }
  }
  if (trial.state != TrialState::kAccepted) return;
  if (!trial.is_at_chance) {
    index.above_chance_count += sign;
    if (ShowsLearning(*this, trial)) index.learnt_count += sign;
  } else if (trial.measured_correct != kNotMeasured &&
             !trial.known_from.IsSet()) {
    Add(index.at_chance, trial.account, sign);
  }
}

namespace {

void Reserve(TaskIndex& index, const Trial& trial, int64_t sign) {
  index.reserved_units += sign * trial.work_units;
  WorkUnits& by = index.reserved_by[trial.account];
  by += sign * trial.work_units;
  if (by == 0) index.reserved_by.erase(trial.account);
}

}  // namespace

void PoolState::Count(const Trial& trial, int64_t sign) {
  CountResult(trial, sign);
  if (trial.known_from.IsSet()) return;
  TaskIndex& index = indexes_[trial.task];
  if (Claims(trial) && !trial.is_matured) {
    const std::pair<absl::Time, TrialId> place(trial.commit_time, trial.id);
    if (sign > 0) {
      index.immature[trial.account].insert(place);
    } else {
      RemoveFrom(index.immature, trial.account, place);
    }
  }
  // What was paid for in vain is spent.
  if (trial.state == TrialState::kRejected && trial.pay > 0) {
    index.accepted_units += sign * trial.work_units;
  }
  switch (trial.state) {
    case TrialState::kAssigned:
      index.assigned_count += sign;
      Reserve(index, trial, sign);
      break;
    case TrialState::kCommitted:
    case TrialState::kUploaded:
      index.pending_count += sign;
      if (trial.is_at_chance) index.pending_at_chance_count += sign;
      Reserve(index, trial, sign);
      break;
    case TrialState::kAccepted:
      index.accepted_count += sign;
      index.accepted_units += sign * trial.work_units;
      break;
    case TrialState::kRejected:
    case TrialState::kAbandoned:
      break;
  }
}

void PoolState::Rank(const Trial& trial, int64_t ppm, int64_t sign) {
  TaskIndex& index = indexes_[trial.task];
  if (trial.is_at_chance ||
      trial.rung >= static_cast<int64_t>(index.rungs.size())) {
    return;
  }
  RungBoard& board = index.rungs[static_cast<size_t>(trial.rung)];
  const RungBoard::Result result{ppm, trial.id, trial.architecture_id,
                                 trial.account};
  sign > 0 ? board.Insert(result) : board.Erase(result);
}

// The boxes are searched by the first rung alone: one scale for all.
void PoolState::CountAtRung(const Trial& trial, int64_t sign) {
  TaskIndex& index = indexes_[trial.task];
  if (trial.state == TrialState::kAbandoned && trial.resumes.IsSet()) {
    index.resumptions_given_up[trial.resumes] += sign;
  }
  if (!Holds(trial.state)) return;
  const std::pair<Digest, int64_t> place{trial.architecture_id, trial.rung};
  int64_t& held = index.promoted[place];
  held += sign;
  const bool is_held = held > 0;
  if (!is_held) index.promoted.erase(place);
  index.rungs[static_cast<size_t>(trial.rung - 1)].SetPromoted(
      trial.architecture_id, is_held);
  if (IsResult(trial)) Rank(trial, MeasuredPpm(*this, trial), sign);
}

void PoolState::CountInBox(const Trial& trial, int64_t sign) {
  TaskIndex& index = indexes_[trial.task];
  if (trial.rung > 0) return CountAtRung(trial, sign);
  if (trial.state == TrialState::kAbandoned && trial.reason != kSuperseded) {
    if (sign > 0) {
      index.abandoned[trial.account].insert(trial.id);
    } else {
      RemoveFrom(index.abandoned, trial.account, trial.id);
    }
  }
  if (!Holds(trial.state)) return;
  int64_t& held = index.architectures[trial.architecture_id];
  held += sign;
  if (held == 0) index.architectures.erase(trial.architecture_id);
  const bool accepted = trial.state == TrialState::kAccepted;
  const int64_t ppm = accepted ? MeasuredPpm(*this, trial) : 0;
  if (IsResult(trial)) Rank(trial, ppm, sign);
  Rescore(trial.task, trial.subspace, [&](BoxScore& score) {
    score.trials += sign;
    if (!accepted) return;
    if (sign > 0) {
      score.Add({trial.id, ppm});
    } else {
      score.Remove(trial.id);
    }
  });
}

void PoolState::Store(const Ranking& ranking) {
  TaskIndex& index = indexes_[ranking.task];
  index.ranking.clear();
  index.ranking.reserve(ranking.candidates.size());
  for (const Architecture& architecture : ranking.candidates) {
    index.ranking.push_back({.architecture = architecture});
  }
  index.ranking_begin = 0;
  index.ranking_basis = ranking.basis;
}

void PoolState::Store(const Owed& owed) {
  const std::pair key(owed.account, owed.position);
  if (owed.amount == 0) {
    owed_.erase(key);
  } else {
    owed_[key] = owed;
  }
}

void PoolState::RememberRanked(TaskId task, size_t position,
                               TaskIndex::Ranked known) {
  indexes_[task].ranking[position] = std::move(known);
}

void PoolState::RememberUnsplit(TaskId task, SubspaceId box) {
  BoxScore& score = indexes_[task].scores[box];
  score.unsplit_at = score.accepted();
}

void PoolState::RememberWalk(TaskId task, SubspaceId box, const BoxWalk& walk) {
  indexes_[task].walks[box] = walk;
}

void PoolState::PassRanked(TaskId task, size_t begin) {
  indexes_[task].ranking_begin = begin;
}

}  // namespace archpool
