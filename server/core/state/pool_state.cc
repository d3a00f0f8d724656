#include "server/core/state/pool_state.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "server/core/leaves/receipts.h"
#include "server/core/records/transitions.h"

namespace archpool {
namespace {

template <typename Map>
auto* FindIn(Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

// The set at `key`, or an empty one.
template <typename Key, typename Id>
const absl::btree_set<Id>& SetIn(
    const absl::btree_map<Key, absl::btree_set<Id>>& map, const Key& key) {
  static const auto* const kNone = new absl::btree_set<Id>;
  const auto found = map.find(key);
  return found == map.end() ? *kNone : found->second;
}

}  // namespace

void PoolState::Load(const PoolSnapshot& snapshot) {
  last_ids_ = snapshot.last_ids;
  for (const auto& [key, id] : snapshot.requests) requests_[key] = id;
  for (const Event& record : snapshot.records) {
    std::visit([this](const auto& value) { Store(value); }, record);
  }
}

void PoolState::Put(const Trial& trial) {
  const Trial* before = Find(trial.id);
  CheckStep(before, trial);
  const auto verdict = VerdictOf(before, trial, *Find(trial.task));
  const auto credit = CreditOf(before, trial);
  Store(trial);
  events_.emplace_back(trial);
  if (verdict) Hand(trial.account, *verdict);
  if (credit) Hand(trial.account, *credit);
}

void PoolState::Put(const Payout& payout) {
  CheckStep(Find(payout.id), payout);
  events_.emplace_back(payout);
  Store(payout);
  if (IsShown(payout)) Hand(payout.account, ReceiptOf(payout));
}

void PoolState::Hand(AccountId account, ReceiptBody body) {
  const ReceiptId id{++last_ids_.receipt};
  events_.emplace_back(
      Receipt{.id = id,
              .account = account,
              .content = Encode(ReceiptContent{id, account, std::move(body)})});
}

// To the accounts on both sides; where there is none, to the payout's, or to
// the pool's own books.
void PoolState::HandFor(const Transfer& transfer) {
  const TransferReceipt receipt = ReceiptOf(transfer);
  bool is_handed = false;
  for (const Place& place : {transfer.debit, transfer.credit}) {
    if (place.kind != PlaceKind::kAccount) continue;
    Hand(AccountId{place.id}, receipt);
    is_handed = true;
  }
  if (is_handed) return;
  const Payout* payout = Find(transfer.payout);
  Hand(payout == nullptr ? AccountId{} : payout->account, receipt);
}

TransferId PoolState::Post(Place debit, Place credit, Amount amount,
                           TransferKind kind, TaskId task,
                           const std::string& request_id, absl::Time now,
                           PayoutId payout) {
  ARCHPOOL_CHECK(amount > 0 && debit != credit);
  const Amount debited = BalanceOf(debit) - amount;
  ARCHPOOL_CHECK(debited >= 0 || debit.kind == PlaceKind::kOutside);
  const Transfer transfer{.id = {++last_ids_.transfer},
                          .debit = debit,
                          .credit = credit,
                          .amount = amount,
                          .kind = kind,
                          .task = task,
                          .payout = payout,
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
  HandFor(transfer);
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
  const SubspaceRecord* found = FindIn(subspaces_, id);
  return found == nullptr || IsForgotten(found->task) ? nullptr : found;
}
const Session* PoolState::Find(SessionId id) const {
  return FindIn(sessions_, id);
}
const Lease* PoolState::Find(LeaseId id) const { return FindIn(leases_, id); }
const Trial* PoolState::Find(TrialId id) const {
  const Trial* found = FindIn(trials_, id);
  return found == nullptr || IsForgotten(found->task) ? nullptr : found;
}
const Audit* PoolState::Find(AuditId id) const { return FindIn(audits_, id); }
const Payout* PoolState::Find(PayoutId id) const {
  return FindIn(payouts_, id);
}

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
  return SetIn(session_leases_, session);
}
const absl::btree_set<LeaseId>& PoolState::LeasesOn(SubspaceId box) const {
  return SetIn(subspace_leases_, box);
}
const absl::btree_set<TrialId>& PoolState::TrialsIn(SubspaceId box) const {
  return SetIn(subspace_trials_, box);
}
const absl::btree_set<LeaseId>& PoolState::BackupsOf(LeaseId primary) const {
  return SetIn(backups_, primary);
}

bool PoolState::IsHighReward(TaskId task, SubspaceId box) const {
  const TaskIndex& index = IndexOf(task);
  const BoxScore* score = FindIn(index.scores, box);
  return score != nullptr &&
         index.high_reward.Contains(box, score->RewardPpm());
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

std::vector<SessionId> PoolState::SessionsOf(AccountId account) const {
  std::vector<SessionId> sessions;
  for (auto it = session_names_.lower_bound({account, ""});
       it != session_names_.end() && it->first.first == account; ++it) {
    sessions.push_back(it->second);
  }
  return sessions;
}

int64_t PoolState::AccountsWithSessions(int64_t count_max) const {
  int64_t count = 0;
  for (auto next = session_names_.begin();
       next != session_names_.end() && count < count_max; ++count) {
    next = session_names_.lower_bound({{next->first.first.value + 1}, ""});
  }
  return count;
}

AuditId PoolState::AuditOf(AccountId account,
                           const std::string& verifier) const {
  const AuditId* id = FindIn(verifier_audits_, {account, verifier});
  return id == nullptr ? AuditId{} : *id;
}

const absl::btree_set<AuditId>& PoolState::AskedOf(AccountId miner) const {
  static const auto* const kNone = new absl::btree_set<AuditId>();
  const auto found = asked_.find(miner);
  return found == asked_.end() ? *kNone : found->second;
}

TrialId PoolState::BlamedOf(AccountId miner) const {
  const absl::btree_set<TrialId>& blamed = SetIn(blamed_, miner);
  return blamed.empty() ? TrialId{} : *blamed.begin();
}

AskedLoad PoolState::AskedOf(SessionId session) const {
  const AskedLoad* load = FindIn(asked_loads_, session);
  return load == nullptr ? AskedLoad() : *load;
}

AuditId PoolState::AuditOf(TrialId trial) const {
  const AuditId* id = FindIn(trial_audits_, trial);
  return id == nullptr ? AuditId{} : *id;
}

Amount PoolState::BalanceOf(Place place) const {
  const Amount* amount = FindIn(balances_, place);
  return amount == nullptr ? 0 : *amount;
}

const PoolClock& PoolState::pool_clock() const {
  static const auto* const kNone = new PoolClock();
  const PoolClock* clock = FindIn(plain_.All<PoolClock>(), 1);
  return clock == nullptr ? *kNone : *clock;
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
  const auto add_all_open = [&](const auto& records) {
    for (const auto& [id, record] : records) {
      if (!IsForgotten(record.task)) snapshot.records.emplace_back(record);
    }
  };
  add_all_open(subspaces_);
  add_all(sessions_);
  add_all(leases_);
  add_all_open(trials_);
  add_all(audits_);
  for (const auto& [id, index] : indexes_) {
    if (index.ranking.empty()) continue;
    Ranking ranking{.task = id, .basis = index.ranking_basis};
    for (const TaskIndex::Ranked& ranked : index.ranking) {
      ranking.candidates.push_back(ranked.architecture);
    }
    snapshot.records.emplace_back(std::move(ranking));
  }
  add_all(payouts_);
  add_all(owed_);
  for (const auto& [place, amount] : balances_) {
    snapshot.records.emplace_back(Balance{place, amount});
  }
  for (const auto& [key, id] : requests_)
    snapshot.requests.emplace_back(key, id);
  plain_.ForEach<PlainRecords>(add_all);
  return snapshot;
}

}  // namespace archpool
