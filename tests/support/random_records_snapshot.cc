// SPDX-License-Identifier: Apache-2.0
// What a store that was given the records has to load.
#include <algorithm>

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
  add_if(All<Account>(), all);
  add_if(All<DatasetRecord>(), [this](const DatasetRecord& dataset) {
    const auto& tasks = All<Task>();
    return std::any_of(tasks.begin(), tasks.end(), [&](const auto& entry) {
      return IsOpen(entry.first) && entry.second.spec->dataset == dataset.id;
    });
  });
  add_if(All<Task>(), [](const Task& task) { return !IsEnded(task.state); });
  add_if(All<SubspaceRecord>(), of_open);
  add_if(All<Session>(), [](const Session& session) {
    return session.state == SessionState::kOpen;
  });
  add_if(All<Lease>(), [&](const Lease& lease) {
    return lease.state == LeaseState::kActive && of_open(lease);
  });
  add_if(All<Trial>(), of_open);
  add_if(All<Audit>(), [&](const Audit& audit) {
    return audit.state != AuditState::kDone && of_open(audit);
  });
  add_if(All<Ranking>(), of_open);
  add_if(All<Payout>(),
         [](const Payout& payout) { return !IsEnded(payout.state); });
  add_if(All<Owed>(), [](const Owed& owed) { return owed.amount != 0; });
  add_if(All<Balance>(),
         [](const Balance& balance) { return balance.amount != 0; });
  held_.ForEach<PlainRecords>([&](const auto& map) { add_if(map, all); });
  snapshot.last_ids = LastIdsIn<Event>(held_);
  return snapshot;
}

}  // namespace archpool
