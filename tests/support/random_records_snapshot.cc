// What a store that was given the records has to load.
#include <utility>

#include "tests/support/random_records.h"

namespace archpool {

PoolSnapshot RandomRecords::Snapshot() const {
  PoolSnapshot snapshot;
  const auto add_if = [&snapshot](const auto& records, const auto& is_loaded) {
    for (const auto& [key, record] : records) {
      if (is_loaded(record)) snapshot.records.emplace_back(record);
    }
  };
  const auto all = [](const auto&) { return true; };
  const auto of_open = [this](const auto& record) {
    return IsOpen(record.task);
  };
  add_if(accounts_, all);
  add_if(datasets_, all);
  add_if(tasks_, [](const Task& task) { return !IsEnded(task.state); });
  add_if(subspaces_, of_open);
  add_if(sessions_, [](const Session& session) {
    return session.state == SessionState::kOpen;
  });
  add_if(leases_, [&](const Lease& lease) {
    return lease.state == LeaseState::kActive && of_open(lease);
  });
  add_if(trials_, of_open);
  add_if(audits_, [&](const Audit& audit) {
    return audit.state != AuditState::kDone && of_open(audit);
  });
  add_if(rankings_, of_open);
  add_if(payouts_, [](const Payout& payout) { return !IsEnded(payout.state); });
  add_if(owed_, [](const Owed& owed) { return owed.amount != 0; });
  add_if(balances_, all);
  add_if(clock_, all);
  add_if(verifiers_, all);
  const auto size = [](const auto& map) {
    return static_cast<int64_t>(map.size());
  };
  snapshot.last_ids = {.account = size(accounts_),
                       .task = size(tasks_),
                       .subspace = size(subspaces_),
                       .session = size(sessions_),
                       .lease = size(leases_),
                       .trial = size(trials_),
                       .audit = size(audits_),
                       .transfer = size(transfers_),
                       .payout = size(payouts_),
                       .receipt = size(receipts_)};
  for (const auto& [id, task] : tasks_) {
    snapshot.requests.emplace_back(RequestKey{task.client, task.request_id},
                                   id.value);
  }
  for (const auto& [id, transfer] : transfers_) {
    if (transfer.request_id.empty()) continue;
    snapshot.requests.emplace_back(RequestKey{AccountId{}, transfer.request_id},
                                   id.value);
  }
  for (const auto& [id, payout] : payouts_) {
    if (payout.request_id.empty()) continue;
    snapshot.requests.emplace_back(
        RequestKey::OfPayout(payout.account, payout.request_id), id.value);
  }
  std::sort(snapshot.requests.begin(), snapshot.requests.end());
  return snapshot;
}

}  // namespace archpool
