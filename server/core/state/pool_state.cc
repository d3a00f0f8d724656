// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/pool_state.h"

#include <utility>

#include "common/base/check.h"
#include "server/core/books/maps.h"
#include "server/core/leaves/receipts.h"
#include "server/core/records/transitions.h"

namespace archpool {

PoolState::PoolState(int64_t high_reward_share_ppm)
    : tasks_(high_reward_share_ppm) {}
PoolState::~PoolState() = default;
PoolState::PoolState(PoolState&&) noexcept = default;
PoolState& PoolState::operator=(PoolState&&) noexcept = default;

void PoolState::Load(const PoolSnapshot& snapshot) {
  last_ids_ = snapshot.last_ids;
  for (const Event& record : snapshot.records) {
    std::visit([this](const auto& value) { Store(value); }, record);
  }
  datasets_.Trim();
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

void PoolState::Put(const DatasetRecord& dataset) {
  events_.emplace_back(dataset);
  Store(dataset);
  datasets_.Trim();
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
  for (const Place& place : {transfer.from, transfer.to}) {
    if (place.kind != PlaceKind::kAccount) continue;
    Hand(AccountId{place.id}, receipt);
    is_handed = true;
  }
  if (is_handed) return;
  const Payout* payout = Find(transfer.payout);
  Hand(payout == nullptr ? AccountId{} : payout->account, receipt);
}

TransferId PoolState::Post(Place from, Place to, Amount amount,
                           TransferKind kind, TaskId task,
                           const std::string& request_id, absl::Time now,
                           PayoutId payout) {
  ARCHPOOL_CHECK(amount > 0 && from != to);
  const Amount rest = money_.BalanceOf(from) - amount;
  ARCHPOOL_CHECK(rest >= 0 || from.kind == PlaceKind::kOutside);
  const Transfer transfer{.id = {++last_ids_.transfer},
                          .from = from,
                          .to = to,
                          .amount = amount,
                          .kind = kind,
                          .task = task,
                          .payout = payout,
                          .request_id = request_id,
                          .create_time = now};
  const Balance payer{from, rest};
  const Balance payee{to, money_.BalanceOf(to) + amount};
  Store(transfer);
  Store(payer);
  Store(payee);
  events_.emplace_back(transfer);
  events_.emplace_back(payer);
  events_.emplace_back(payee);
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

const PoolClock& PoolState::pool_clock() const {
  static const auto* const kNone = new PoolClock();
  const PoolClock* clock = FindIn(plain_.All<PoolClock>(), 1);
  return clock == nullptr ? *kNone : *clock;
}

const Invitation* PoolState::FindInvitation(const Digest& code_hash) const {
  const auto key = invitation_codes_.Find(code_hash);
  return key ? FindIn(invitations(), *key) : nullptr;
}

const AccountToken* PoolState::FindToken(const Digest& hash) const {
  const auto key = token_hashes_.Find(hash);
  return key ? FindIn(tokens(), *key) : nullptr;
}

void PoolState::Store(const Task& task) {
  const Task* before = Find(task.id);
  const bool is_open = !IsEnded(task.state);
  due_.Put(before, task);
  requests_.Put(RequestKey::Of(task), task.id.value, is_open);
  if (is_open && before == nullptr) datasets_.Use(task.spec->dataset);
  if (!is_open && before != nullptr) datasets_.Release(task.spec->dataset);
  const DatasetRecord* dataset = FindDataset(task.spec->dataset);
  tasks_.Put(task, dataset == nullptr ? nullptr : &dataset->manifest);
}

void PoolState::Store(const Lease& lease) {
  due_.Put(Find(lease.id), lease);
  tasks_.PutLease(lease.task, lease.id, lease.state == LeaseState::kActive);
  leases_.Put(lease);
}

void PoolState::Store(const Trial& trial) {
  due_.Put(Find(trial.id), trial);
  tasks_.Put(trial);
}

void PoolState::Store(const Audit& audit) {
  const Audit* before = Find(audit.id);
  const bool is_open = audit.state != AuditState::kDone;
  due_.Put(before, audit);
  if (is_open != (before != nullptr)) {
    tasks_.PutAudit(audit.task, audit.id, is_open);
  }
  audits_.Put(audit, *Find(audit.trial), *Find(audit.task)->spec,
              IndexOf(audit.task).manifest);
}

void PoolState::Store(const Payout& payout) {
  if (!payout.request_id.empty()) {
    requests_.Put(RequestKey::Of(payout), payout.id.value,
                  !IsEnded(payout.state));
  }
  money_.Put(payout);
}

void PoolState::Store(const Invitation& invitation) {
  const Invitation* const before = FindIn(invitations(), invitation.key);
  invitation_codes_.Put(invitation.key,
                        before == nullptr ? nullptr : &before->code_hash,
                        invitation.code_hash);
  plain_.Put(invitation);
}

void PoolState::Store(const AccountToken& token) {
  const AccountToken* const before = FindIn(tokens(), token.key);
  token_hashes_.Put(token.key, before == nullptr ? nullptr : &before->hash,
                    token.hash);
  plain_.Put(token);
}

void PoolState::Store(const Transfer& transfer) {
  if (transfer.request_id.empty()) return;
  requests_.Put(RequestKey::Of(transfer), transfer.id.value, false);
}

PoolSnapshot PoolState::Snapshot() const {
  PoolSnapshot snapshot;
  snapshot.last_ids = last_ids_;
  const auto add = [&snapshot](const auto& record) {
    snapshot.records.emplace_back(record);
  };
  const auto add_all = [&add](const auto& records) {
    for (const auto& [id, record] : records) add(record);
  };
  add_all(accounts_.all());
  for (const DatasetRecord& dataset : datasets_.InUse()) add(dataset);
  add_all(tasks_.all());
  tasks_.ForEachBox(add);
  add_all(sessions_.all());
  add_all(leases_.all());
  tasks_.ForEachTrial(add);
  add_all(audits_.all());
  tasks_.ForEachRanking(add);
  add_all(money_.payouts());
  add_all(money_.owed());
  for (const auto& [place, amount] : money_.balances()) {
    add(Balance{place, amount});
  }
  plain_.ForEach<PlainRecords>(add_all);
  return snapshot;
}

}  // namespace archpool
