#include "server/core/pool_state.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace archpool {
namespace {

using Due = PoolState::Due;

// What falls due for a record, or infinity.
Due DueOf(const Task& task) {
  const bool open = task.state == TaskState::kActive;
  return {open ? task.deadline : absl::InfiniteFuture(), Due::Kind::kTask,
          task.id.value};
}
Due DueOf(const Lease& lease) {
  const bool open = lease.state == LeaseState::kActive;
  return {open ? lease.expire_time : absl::InfiniteFuture(), Due::Kind::kLease,
          lease.id.value};
}
Due DueOf(const Trial& trial) {
  const bool open = trial.state == TrialState::kCommitted;
  return {open ? trial.upload_deadline : absl::InfiniteFuture(),
          Due::Kind::kUpload, trial.id.value};
}
Due DueOf(const Audit& audit) {
  const bool open = audit.state == AuditState::kLeased;
  return {open ? audit.expire_time : absl::InfiniteFuture(), Due::Kind::kAudit,
          audit.id.value};
}

// Replaces what `before` (nullptr for a new record) contributed by `after`'s.
template <typename Record>
void Reschedule(std::set<Due>& due, const Record* before, const Record& after) {
  if (before != nullptr) {
    const Due old_due = DueOf(*before);
    const Due new_due = DueOf(after);
    if (old_due == new_due) return;
    due.erase(old_due);
  }
  const Due next = DueOf(after);
  if (next.time != absl::InfiniteFuture()) due.insert(next);
}

template <typename Map>
auto* FindIn(Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

// A trial that still counts against the budget and keeps its network taken.
bool Holds(TrialState state) {
  return state != TrialState::kRejected && state != TrialState::kAbandoned;
}

}  // namespace

double TaskIndex::SubspaceScore::Promise() const {
  constexpr double kUntriedPpm = 1e7;  // above every accuracy
  constexpr double kExplorationPpm = 20'000;
  if (trials == 0) return kUntriedPpm;
  return static_cast<double>(best_ppm + second_ppm) / 2 +
         kExplorationPpm / std::sqrt(static_cast<double>(trials));
}

void PoolState::Load(const PoolSnapshot& snapshot) {
  last_ids_ = snapshot.last_ids;
  for (const auto& [key, id] : snapshot.requests) requests_[key] = id;
  for (const Event& record : snapshot.records) {
    std::visit([this](const auto& value) { Store(value); }, record);
  }
}

void PoolState::Put(const Account& account) {
  Store(account);
  events_.emplace_back(account);
}
void PoolState::Put(const DatasetRecord& dataset) {
  Store(dataset);
  events_.emplace_back(dataset);
}
void PoolState::Put(const Task& task) {
  events_.emplace_back(task);
  Store(task);
}
void PoolState::Put(const SubspaceRecord& subspace) {
  Store(subspace);
  events_.emplace_back(subspace);
}
void PoolState::Put(const Session& session) {
  events_.emplace_back(session);
  Store(session);
}
void PoolState::Put(const Lease& lease) {
  events_.emplace_back(lease);
  Store(lease);
}
void PoolState::Put(const Trial& trial) {
  Store(trial);
  events_.emplace_back(trial);
}
void PoolState::Put(const Audit& audit) {
  events_.emplace_back(audit);
  Store(audit);
}

TransferId PoolState::Post(Place debit, Place credit, Amount amount,
                           TransferKind kind, TaskId task,
                           const std::string& request_id, absl::Time now) {
  ARCHPOOL_CHECK(amount > 0 && debit != credit);
  const Amount debited = BalanceOf(debit) - amount;
  ARCHPOOL_CHECK(debited >= 0 || debit.kind == PlaceKind::kOutside);
  const Transfer transfer{.id = {++last_ids_.transfer},
                          .debit = debit,
                          .credit = credit,
                          .amount = amount,
                          .kind = kind,
                          .task = task,
                          .request_id = request_id,
                          .create_time = now};
  const Balance from{debit, debited};
  const Balance to{credit, BalanceOf(credit) + amount};
  Store(transfer);
  Store(from);
  Store(to);
  events_.emplace_back(transfer);
  events_.emplace_back(from);
  events_.emplace_back(to);
  return transfer.id;
}

std::vector<Event> PoolState::TakeEvents() {
  std::vector<Event> taken;
  taken.swap(events_);
  // The next batch is likely about as large.
  events_.reserve(taken.size());
  return taken;
}

const Account* PoolState::Find(AccountId id) const {
  return FindIn(accounts_, id);
}
const Account* PoolState::FindAccount(const std::string& name) const {
  const AccountId* id = FindIn(account_names_, name);
  return id == nullptr ? nullptr : Find(*id);
}
const DatasetRecord* PoolState::FindDataset(const Digest& id) const {
  return FindIn(datasets_, id);
}
const Task* PoolState::Find(TaskId id) const { return FindIn(tasks_, id); }
const SubspaceRecord* PoolState::Find(SubspaceId id) const {
  return FindIn(subspaces_, id);
}
const Session* PoolState::Find(SessionId id) const {
  return FindIn(sessions_, id);
}
const Lease* PoolState::Find(LeaseId id) const { return FindIn(leases_, id); }
const Trial* PoolState::Find(TrialId id) const { return FindIn(trials_, id); }
const Audit* PoolState::Find(AuditId id) const { return FindIn(audits_, id); }

int64_t PoolState::FindRequest(const RequestKey& key) const {
  const int64_t* id = FindIn(requests_, key);
  return id == nullptr ? 0 : *id;
}

const TaskIndex& PoolState::IndexOf(TaskId task) const {
  const TaskIndex* index = FindIn(indexes_, task);
  ARCHPOOL_CHECK(index != nullptr);
  return *index;
}

const absl::btree_set<LeaseId>& PoolState::LeasesOf(SessionId session) const {
  static const auto* const kNone = new absl::btree_set<LeaseId>;
  const auto* leases = FindIn(session_leases_, session);
  return leases == nullptr ? *kNone : *leases;
}

int64_t PoolState::LeaseCount(AccountId account) const {
  const int64_t* count = FindIn(account_leases_, account);
  return count == nullptr ? 0 : *count;
}

SessionId PoolState::SessionNamed(AccountId account,
                                  const std::string& worker) const {
  const SessionId* id = FindIn(session_names_, {account, worker});
  return id == nullptr ? SessionId{} : *id;
}

int64_t PoolState::SessionCount(AccountId account) const {
  const auto begin = session_names_.lower_bound({account, ""});
  const auto end = session_names_.lower_bound({{account.value + 1}, ""});
  return std::distance(begin, end);
}

AuditId PoolState::AuditOf(AccountId account,
                           const std::string& verifier) const {
  const AuditId* id = FindIn(verifier_audits_, {account, verifier});
  return id == nullptr ? AuditId{} : *id;
}

AuditId PoolState::AuditOf(TrialId trial) const {
  const AuditId* id = FindIn(trial_audits_, trial);
  return id == nullptr ? AuditId{} : *id;
}

Amount PoolState::BalanceOf(Place place) const {
  const Amount* amount = FindIn(balances_, place);
  return amount == nullptr ? 0 : *amount;
}

template <typename Change>
void PoolState::Rescore(TaskId task, SubspaceId subspace, Change change) {
  TaskIndex& index = indexes_[task];
  TaskIndex::SubspaceScore& score = index.scores[subspace];
  const bool open = index.open.erase({-score.Promise(), subspace}) > 0;
  change(score);
  if (open) index.open.insert({-score.Promise(), subspace});
}

void PoolState::Store(const Account& account) {
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
  } else {
    tasks_[task.id] = task;
    indexes_[task.id];
  }
}

void PoolState::Store(const SubspaceRecord& subspace) {
  TaskIndex& index = indexes_[subspace.task];
  index.subspaces.insert(subspace.id);
  const SubspaceRecord* before = Find(subspace.id);
  if (before != nullptr && before->state == SubspaceState::kCompleted) {
    --index.completed_subspaces;
  }
  if (subspace.state == SubspaceState::kCompleted) ++index.completed_subspaces;
  const double promise = index.scores[subspace.id].Promise();
  if (subspace.state == SubspaceState::kOpen) {
    index.open.insert({-promise, subspace.id});
  } else {
    index.open.erase({-promise, subspace.id});
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
  const auto leave = [this](SessionId session, LeaseId id) {
    const auto held = session_leases_.find(session);
    if (held == session_leases_.end()) return;
    held->second.erase(id);
    if (held->second.empty()) session_leases_.erase(held);
  };
  if (before != nullptr && before->session != lease.session) {
    leave(before->session, lease.id);
  }
  const bool was_active = before != nullptr;
  const bool is_active = lease.state == LeaseState::kActive;
  if (was_active != is_active) {
    account_leases_[lease.account] += is_active ? 1 : -1;
  }
  if (is_active) {
    leases_[lease.id] = lease;
    session_leases_[lease.session].insert(lease.id);
    indexes_[lease.task].leases.insert(lease.id);
  } else {
    leave(lease.session, lease.id);
    indexes_[lease.task].leases.erase(lease.id);
    leases_.erase(lease.id);
  }
}

void PoolState::Store(const Trial& trial) {
  TaskIndex& index = indexes_[trial.task];
  const bool holds = Holds(trial.state);
  bool held = false;
  bool was_accepted = false;
  const auto found = trials_.find(trial.id);
  if (found == trials_.end()) {
    Reschedule<Trial>(due_, nullptr, trial);
    index.trials.insert(trial.id);
    trials_.emplace(trial.id, trial);
  } else {
    Trial& before = found->second;
    held = Holds(before.state);
    was_accepted = before.state == TrialState::kAccepted;
    Reschedule(due_, &before, trial);
    Count(before, -1);
    before = trial;
  }
  Count(trial, +1);

  const bool is_accepted = trial.state == TrialState::kAccepted;
  if (is_accepted != was_accepted) {
    index.scores[trial.subspace].accepted += is_accepted ? 1 : -1;
  }
  if (holds != held) {
    Rescore(trial.task, trial.subspace,
            [holds](TaskIndex::SubspaceScore& score) {
              score.trials += holds ? 1 : -1;
            });
    if (holds) {
      index.architectures.insert(trial.architecture_id);
    } else {
      index.architectures.erase(trial.architecture_id);
    }
  }
  if (is_accepted && !was_accepted) {
    CountScore(trial);
  } else if (!is_accepted && was_accepted) {
    RecountScore(trial.task, trial.subspace);
  }
}

void PoolState::Store(const Audit& audit) {
  const Audit* before = Find(audit.id);
  Reschedule(due_, before, audit);
  if (before != nullptr && before->state == AuditState::kLeased) {
    verifier_audits_.erase({before->verifier, before->verifier_name});
  }
  if (audit.state == AuditState::kDone) {
    waiting_.erase(audit.id);
    trial_audits_.erase(audit.trial);
    audits_.erase(audit.id);
    return;
  }
  audits_[audit.id] = audit;
  trial_audits_[audit.trial] = audit.id;
  if (audit.state == AuditState::kWaiting) {
    waiting_.insert(audit.id);
  } else {
    waiting_.erase(audit.id);
    verifier_audits_[{audit.verifier, audit.verifier_name}] = audit.id;
  }
}

void PoolState::Store(const Transfer& transfer) {
  if (!transfer.request_id.empty()) {
    requests_[{AccountId{}, transfer.request_id}] = transfer.id.value;
  }
}

void PoolState::Store(const Balance& balance) {
  balances_[balance.place] = balance.amount;
}

void PoolState::Count(const Trial& trial, int64_t sign) {
  TaskIndex& index = indexes_[trial.task];
  switch (trial.state) {
    case TrialState::kAssigned:
      index.assigned_count += sign;
      index.reserved_units += sign * trial.work_units;
      break;
    case TrialState::kCommitted:
    case TrialState::kUploaded:
      index.pending_count += sign;
      index.reserved_units += sign * trial.work_units;
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

void PoolState::CountScore(const Trial& trial) {
  const Task& task = *Find(trial.task);
  const DatasetManifest& manifest = FindDataset(task.spec->dataset)->manifest;
  const int64_t ppm =
      trial.measured_correct * 1'000'000 / manifest.validation_count;
  Rescore(trial.task, trial.subspace, [ppm](TaskIndex::SubspaceScore& score) {
    score.second_ppm =
        std::max(score.second_ppm, std::min(ppm, score.best_ppm));
    score.best_ppm = std::max(score.best_ppm, ppm);
  });
}

void PoolState::RecountScore(TaskId task, SubspaceId subspace) {
  Rescore(task, subspace, [](TaskIndex::SubspaceScore& score) {
    score.best_ppm = 0;
    score.second_ppm = 0;
  });
  for (const TrialId id : indexes_[task].trials) {
    const Trial& trial = *Find(id);
    if (trial.subspace == subspace && trial.state == TrialState::kAccepted) {
      CountScore(trial);
    }
  }
}

void PoolState::Forget(TaskId task) {
  const auto found = indexes_.find(task);
  if (found != indexes_.end()) {
    ARCHPOOL_CHECK(found->second.leases.empty());
    for (SubspaceId id : found->second.subspaces) subspaces_.erase(id);
    for (TrialId id : found->second.trials) {
      ARCHPOOL_CHECK(!trial_audits_.contains(id));
      trials_.erase(id);
    }
    indexes_.erase(found);
  }
  tasks_.erase(task);
}

PoolSnapshot PoolState::Snapshot() const {
  PoolSnapshot snapshot;
  snapshot.last_ids = last_ids_;
  const auto add_all = [&snapshot](const auto& records) {
    for (const auto& [id, record] : records) {
      snapshot.records.emplace_back(record);
    }
  };
  add_all(accounts_);
  add_all(datasets_);
  add_all(tasks_);
  add_all(subspaces_);
  add_all(sessions_);
  add_all(leases_);
  add_all(trials_);
  add_all(audits_);
  for (const auto& [place, amount] : balances_) {
    snapshot.records.emplace_back(Balance{place, amount});
  }
  for (const auto& [key, id] : requests_)
    snapshot.requests.emplace_back(key, id);
  return snapshot;
}

}  // namespace archpool
