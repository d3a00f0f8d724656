// SPDX-License-Identifier: Apache-2.0
#include "simulator/record_oracle.h"

#include <set>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "common/model/arithmetic.h"
#include "common/model/receipt.h"

namespace archpool {
namespace {

bool IsInside(const Subspace& box, const Subspace& other) {
  for (size_t d = 0; d < box.allowed().size(); ++d) {
    if ((box.allowed()[d] & ~other.allowed()[d]) != 0) return false;
  }
  return true;
}

bool AreApart(const Subspace& box, const Subspace& other) {
  for (size_t d = 0; d < box.allowed().size(); ++d) {
    if ((box.allowed()[d] & other.allowed()[d]) == 0) return true;
  }
  return false;
}

}  // namespace

void RecordOracle::Complain(std::string violation) {
  violations_.push_back(std::move(violation));
}

std::vector<std::string> RecordOracle::Watch(absl::Span<const Event> events) {
  std::vector<std::string> violations = Take(events);
  for (std::string& violation : CheckAll()) {
    violations.push_back(std::move(violation));
  }
  return violations;
}

std::vector<std::string> RecordOracle::Take(absl::Span<const Event> events) {
  violations_.clear();
  for (const Event& event : events) {
    std::visit([this](const auto& record) { Note(record); }, event);
  }
  CheckCuts();
  return std::exchange(violations_, {});
}

std::vector<std::string> RecordOracle::CheckAll() {
  violations_.clear();
  CheckBooks();
  CheckPayouts();
  CheckOwed();
  CheckReceipts();
  CheckLeases();
  std::vector<TaskId> ended;
  for (const auto& [id, task] : tasks_) {
    if (forgotten_.contains(id)) continue;
    CheckTask(task);
    if (IsEnded(task.state)) ended.push_back(id);
  }
  for (const TaskId id : ended) Forget(id);
  return std::exchange(violations_, {});
}

// It never changes again: a record of it that comes back is a violation, which
// CheckNew sees by its id.
void RecordOracle::Forget(TaskId task) {
  forgotten_.insert(task);
  const auto is_its_own = [task](const auto& one) {
    return one.second.task == task;
  };
  absl::erase_if(audits_, is_its_own);
  absl::erase_if(trials_, is_its_own);
  absl::erase_if(leases_, is_its_own);
  absl::erase_if(subspaces_, is_its_own);
  rankings_.erase(task);
}

void RecordOracle::Note(const Account& account) {
  CheckState(accounts_, account);
  accounts_[account.id] = account;
}
void RecordOracle::Note(const DatasetRecord& dataset) {
  datasets_[dataset.id] = dataset;
}

void RecordOracle::Note(const Task& task) {
  CheckState(tasks_, task);
  if (!tasks_.contains(task.id)) {
    cuts_.push_back({task.id, Subspace::Whole(task.spec->space)});
  }
  tasks_[task.id] = task;
}

void RecordOracle::Note(const SubspaceRecord& subspace) {
  CheckState(subspaces_, subspace);
  const auto found = subspaces_.find(subspace.id);
  if (found != subspaces_.end() && subspace.attempt < found->second.attempt) {
    Complain(absl::StrCat(subspace.id.ToString(), ": the attempt fell"));
  }
  if (found == subspaces_.end()) {
    CheckNew(subspace.id, last_ids_.subspace);
    pieces_.insert(subspace.id);
  } else if (subspace.box != found->second.box &&
             pieces_.insert(subspace.id).second) {
    cuts_.push_back({subspace.task, found->second.box});
  }
  subspaces_[subspace.id] = subspace;
}

void RecordOracle::Note(const Session& session) {
  CheckState(sessions_, session);
  sessions_[session.id] = session;
}

void RecordOracle::Note(const Lease& lease) {
  CheckState(leases_, lease);
  if (!leases_.contains(lease.id)) CheckNew(lease.id, last_ids_.lease);
  leases_[lease.id] = lease;
}

// A miner that continues does so from its own accepted result of the rung
// below.
void RecordOracle::CheckRung(const Trial& trial) {
  const Recipe& recipe = tasks_.at(trial.task).spec->recipe;
  if (trial.rung < 0 || trial.rung > recipe.last_rung()) {
    Complain(absl::StrCat(trial.id.ToString(), " is at a rung that is none"));
  }
  if (!trial.resumes.IsSet()) return;
  const auto below = trials_.find(trial.resumes);
  if (below == trials_.end() || below->second.state != TrialState::kAccepted ||
      below->second.account != trial.account ||
      below->second.architecture_id != trial.architecture_id ||
      below->second.rung != trial.rung - 1) {
    Complain(absl::StrCat(trial.id.ToString(),
                          " continues from nothing of its own"));
  }
}

// Else a miner could go away when it is drawn, and keep what is at stake.
void RecordOracle::CheckMaturity(const Trial& trial) {
  const auto due = away_.lower_bound({trial.account, AuditId{}});
  if (due != away_.end() && due->first == trial.account) {
    Complain(absl::StrCat(trial.id.ToString(), " matured while ",
                          due->second.ToString(), " was due of its account"));
  }
}

void RecordOracle::Note(const Trial& trial) {
  CheckState(trials_, trial);
  const auto found = trials_.find(trial.id);
  if (found != trials_.end()) {
    const Trial& before = found->second;
    if (IsMatured(trial) && !IsMatured(before)) CheckMaturity(trial);
    if (!IsLegal(before, trial)) {
      Complain(absl::StrCat(trial.id.ToString(), " changed as none may, from ",
                            ToString(before.state), " to ",
                            ToString(trial.state)));
    }
    if (before.state == TrialState::kAbandoned) late_.insert(trial.id);
    if (before.commitment && before.commitment != trial.commitment) {
      Complain(absl::StrCat(trial.id.ToString(), ": its commitment changed"));
    }
  }
  if (found == trials_.end()) {
    if (!IsLegal(trial)) {
      Complain(absl::StrCat(trial.id.ToString(), " was accepted untrained"));
    }
    CheckNew(trial.id, last_ids_.trial);
    CheckRung(trial);
  }
  trials_[trial.id] = trial;
}

void RecordOracle::Note(const Audit& audit) {
  CheckState(audits_, audit);
  if (!audits_.contains(audit.id)) CheckNew(audit.id, last_ids_.audit);
  audits_[audit.id] = audit;
  const auto trial = trials_.find(audit.trial);
  if (trial == trials_.end()) return;
  const std::pair due(trial->second.account, audit.id);
  if (audit.away_until && audit.state != AuditState::kDone) {
    away_.insert(due);
  } else {
    away_.erase(due);
  }
}

void RecordOracle::Note(const Ranking& ranking) {
  rankings_[ranking.task] = ranking;
}

void RecordOracle::CheckLeases() {
  std::set<SubspaceId> leased;
  std::set<std::pair<SubspaceId, int64_t>> attempts;
  for (const auto& [id, lease] : leases_) {
    if (lease.state != LeaseState::kActive) continue;
    if (lease.role == LeaseRole::kPrimary &&
        !leased.insert(lease.subspace).second) {
      Complain(absl::StrCat(lease.subspace.ToString(), " has two primaries"));
    }
    if (subspaces_[lease.subspace].attempt < lease.attempt ||
        !attempts.insert({lease.subspace, lease.attempt}).second) {
      Complain(absl::StrCat(id.ToString(), " has another's fencing token"));
    }
    for (const TrialId trial : lease.trials) {
      if (trials_[trial].state == TrialState::kAssigned &&
          trials_[trial].subspace != lease.subspace) {
        Complain(absl::StrCat(trial.ToString(), " is not in its lease's box"));
      }
    }
  }
}

LeaseId RecordOracle::PrimaryOf(LeaseId id) const {
  // A known result's lease is its first task's.
  const auto lease = leases_.find(id);
  return lease != leases_.end() ? lease->second.primary.value_or(id) : id;
}

// Boxes change by being cut: the pieces of one commit lie apart and make up
// what was cut. So all boxes stay apart, and add up to the space.
void RecordOracle::CheckCuts() {
  size_t placed = 0;
  for (const Cut& cut : cuts_) {
    std::vector<const Subspace*> pieces;
    int64_t size = 0;
    for (const SubspaceId id : pieces_) {
      const SubspaceRecord& piece = subspaces_.at(id);
      if (piece.task != cut.task || !IsInside(piece.box, cut.before)) continue;
      for (const Subspace* other : pieces) {
        if (AreApart(piece.box, *other)) continue;
        Complain(absl::StrCat(id.ToString(), " overlaps another box"));
      }
      pieces.push_back(&piece.box);
      size += piece.box.size();
    }
    placed += pieces.size();
    if (size != cut.before.size()) {
      Complain(absl::StrCat("a box of ", cut.before.size(), " networks of ",
                            cut.task.ToString(), " was cut into ", size));
    }
  }
  if (placed != pieces_.size()) Complain("a box comes from no other");
  cuts_.clear();
  pieces_.clear();
}

void RecordOracle::CheckBoxes(const Task& task) {
  int64_t size = 0;
  for (const auto& [id, box] : subspaces_) {
    if (box.task == task.id) size += box.box.size();
  }
  if (size != task.spec->space.size()) {
    Complain(absl::StrCat(task.id.ToString(), "'s boxes hold ", size, " of ",
                          task.spec->space.size()));
  }
}

// Nothing is paid for on a miner's word, and nobody wins unproven.
void RecordOracle::CheckProof(const Task& task, const Trial& trial) {
  if (!IsEnded(task.state) || trial.state != TrialState::kAccepted ||
      trial.known_from.IsSet()) {
    return;
  }
  if (!IsMatured(trial)) {
    Complain(absl::StrCat(trial.id.ToString(), " is paid before it matured"));
  }
  // What nobody can replay any more wins by what a verifier measured.
  const bool is_replaced =
      trial.arithmetic != kArithmetic && BasisOf(trial) >= TrialBasis::kAudited;
  if (SettlementOf(trial).finders_bonus > 0 &&
      BasisOf(trial) != TrialBasis::kReplayed && !is_replaced) {
    Complain(absl::StrCat(trial.id.ToString(), " won and was not replayed"));
  }
  if (BasisOf(trial) == TrialBasis::kSampledOut &&
      CommitmentOf(trial).draw_ppm >= 1'000'000) {
    Complain(absl::StrCat(trial.id.ToString(), " was drawn and not audited"));
  }
}

void RecordOracle::CheckTask(const Task& task) {
  WorkUnits units = 0;
  Amount paid = 0;
  absl::btree_map<std::pair<Digest, int64_t>, LeaseId>
      networks;  // at their rungs
  CheckBoxes(task);
  for (const auto& [id, trial] : trials_) {
    if (trial.task != task.id) continue;
    paid += SettlementOf(trial).pay + SettlementOf(trial).finders_bonus;
    const bool may_be_paid = trial.state == TrialState::kAccepted ||
                             (task.rule == RewardRule::kPplns &&
                              SettlementOf(trial).finders_bonus == 0 &&
                              trial.state == TrialState::kRejected);
    if (!may_be_paid &&
        SettlementOf(trial).pay + SettlementOf(trial).finders_bonus != 0) {
      Complain(absl::StrCat(id.ToString(), " is paid and not accepted"));
    }
    CheckProof(task, trial);
    const bool open = trial.state == TrialState::kAssigned;
    if (IsEnded(task.state) && (open || IsPending(trial.state))) {
      Complain(absl::StrCat(id.ToString(), " outlived its task"));
    }
    if (trial.state == TrialState::kRejected ||
        trial.state == TrialState::kAbandoned) {
      continue;
    }
    if (!trial.known_from.IsSet()) units += trial.work_units;
    // A backup's work may repeat, and what was under way when somebody was
    // quicker, whose result was void in the end.
    if (late_.contains(id)) continue;
    const auto [first, is_new] = networks.insert(
        {{trial.architecture_id, trial.rung}, PrimaryOf(trial.lease)});
    if (!is_new && first->second != PrimaryOf(trial.lease)) {
      Complain(absl::StrCat(id.ToString(), " repeats a network"));
    }
  }
  if (units > task.spec->budget.work_units) {
    Complain(absl::StrCat(task.id.ToString(), " overspent its budget"));
  }
  const Amount escrow = booked_[Place::EscrowOf(task.id)];
  const Amount reward = task.spec->terms.reward;
  if (!IsEnded(task.state)) {
    if (escrow != reward) {
      Complain(absl::StrCat(task.id.ToString(), " holds ", escrow));
    }
  } else if (escrow != 0 || paid + task.fee + task.refund != reward) {
    Complain(absl::StrCat(task.id.ToString(), " does not add up"));
  }
}

PoolSnapshot RecordOracle::Snapshot() const {
  PoolSnapshot snapshot;
  const auto is_open = [this](TaskId task) {
    return !IsEnded(tasks_.at(task).state);
  };
  for (const auto& [id, one] : accounts_) snapshot.records.emplace_back(one);
  std::set<Digest> used;
  for (const auto& [id, one] : tasks_) {
    if (is_open(id)) used.insert(one.spec->dataset);
  }
  for (const Digest& id : used) {
    snapshot.records.emplace_back(datasets_.at(id));
  }
  for (const auto& [id, one] : tasks_) {
    if (is_open(id)) snapshot.records.emplace_back(one);
  }
  for (const auto& [id, one] : subspaces_) {
    if (is_open(one.task)) snapshot.records.emplace_back(one);
  }
  for (const auto& [id, one] : sessions_) {
    if (one.state == SessionState::kOpen) snapshot.records.emplace_back(one);
  }
  for (const auto& [id, one] : leases_) {
    if (one.state == LeaseState::kActive) snapshot.records.emplace_back(one);
  }
  for (const auto& [id, one] : trials_) {
    if (is_open(one.task)) snapshot.records.emplace_back(one);
  }
  for (const auto& [id, one] : audits_) {
    if (one.state != AuditState::kDone) snapshot.records.emplace_back(one);
  }
  for (const auto& [id, one] : rankings_) {
    if (is_open(id)) snapshot.records.emplace_back(one);
  }
  for (const auto& [id, one] : payouts_) {
    if (!IsEnded(one.state)) snapshot.records.emplace_back(one);
  }
  for (const auto& [key, one] : owed_) {
    if (one.amount != 0) snapshot.records.emplace_back(one);
  }
  for (const auto& [place, amount] : balances_) {
    if (amount == 0) continue;
    snapshot.records.emplace_back(Balance{place, amount});
  }
  plain_.ForEach<PlainRecords>([&snapshot](const auto& map) {
    for (const auto& [key, one] : map) snapshot.records.emplace_back(one);
  });
  const auto last = [](const auto& records) {
    return records.empty() ? 0 : records.rbegin()->first.value;
  };
  snapshot.last_ids = last_ids_;
  snapshot.last_ids.account = last(accounts_);
  snapshot.last_ids.task = last(tasks_);
  snapshot.last_ids.session = last(sessions_);
  snapshot.last_ids.transfer = last(transfers_);
  return snapshot;
}

}  // namespace archpool
