// SPDX-License-Identifier: Apache-2.0
#include "server/storage/memory_store.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/storage/memory_ledger_check.h"
#include "server/storage/memory_transaction.h"

namespace archpool {
namespace {

bool IsFull(size_t size, int64_t limit) {
  return static_cast<int64_t>(size) >= limit;
}

absl::Status TaskUnknown(TaskId task) {
  return NotFound("TASK_UNKNOWN",
                  absl::StrCat("there is no ", task.ToString()));
}

}  // namespace

bool MemoryStore::IsOpen(TaskId task) const {
  const auto& tasks = tables_.All<Task>();
  const auto found = tasks.find(task);
  return found != tasks.end() && !IsEnded(found->second.state);
}

PoolSnapshot MemoryStore::Snapshot() const {
  PoolSnapshot snapshot;
  const auto add = [&](const auto& map, const auto& is_loaded) {
    for (const auto& [key, record] : map) {
      if (is_loaded(record)) snapshot.records.emplace_back(record);
    }
  };
  const auto all = [](const auto&) { return true; };
  const auto of_open_task =
      [this](const auto& record)
          ABSL_NO_THREAD_SAFETY_ANALYSIS { return IsOpen(record.task); };
  add(tables_.All<Account>(), all);
  std::set<Digest> used;
  for (const auto& [id, task] : tables_.All<Task>()) {
    if (IsOpen(id)) used.insert(task.spec->dataset);
  }
  add(tables_.All<DatasetRecord>(), [&used](const DatasetRecord& dataset) {
    return used.contains(dataset.id);
  });
  add(tables_.All<Task>(),
      [](const Task& task) { return !IsEnded(task.state); });
  add(tables_.All<SubspaceRecord>(), of_open_task);
  add(tables_.All<Session>(), [](const Session& session) {
    return session.state == SessionState::kOpen;
  });
  add(tables_.All<Lease>(), [&](const Lease& lease) {
    return lease.state == LeaseState::kActive && of_open_task(lease);
  });
  add(tables_.All<Trial>(), of_open_task);
  add(tables_.All<Audit>(), [&](const Audit& audit) {
    return audit.state != AuditState::kDone && of_open_task(audit);
  });
  add(tables_.All<Ranking>(), of_open_task);
  add(tables_.All<Payout>(),
      [](const Payout& payout) { return !IsEnded(payout.state); });
  add(tables_.All<Owed>(), [](const Owed& owed) { return owed.amount != 0; });
  add(tables_.All<Balance>(),
      [](const Balance& balance) { return balance.amount != 0; });
  tables_.ForEach<PlainRecords>([&](const auto& map) { add(map, all); });
  snapshot.last_ids = LastIdsIn<Event>(tables_);
  return snapshot;
}

MemoryStore::MemoryStore() = default;
MemoryStore::~MemoryStore() = default;

absl::StatusOr<LoadedPool> MemoryStore::TakeOver() {
  absl::MutexLock lock(&mutex_);
  ++generation_;
  return LoadedPool{
      .generation = generation_, .sequence = sequence_, .snapshot = Snapshot()};
}

absl::Status MemoryStore::Commit(int64_t generation, int64_t sequence,
                                 absl::Span<const Event> events) {
  absl::MutexLock lock(&mutex_);
  if (generation != generation_ || sequence != sequence_) {
    return MakeError(
        absl::StatusCode::kAborted, "FENCED",
        absl::StrCat("the head is at generation ", generation_, ", sequence ",
                     sequence_, ", not at ", generation, ", ", sequence));
  }
  const std::string broken = memory::Apply(tables_, events);
  if (!broken.empty()) {
    return FailedPrecondition(
        "CONSTRAINT",
        absl::StrCat("the store refused a row: it breaks ", broken));
  }
  ++sequence_;
  for (const Event& event : events) {
    std::visit(
        [this]<typename Record>(const Record& record)
            ABSL_NO_THREAD_SAFETY_ANALYSIS {
              if constexpr (requires { RequestKey::Of(record); }) {
                if (record.request_id.empty()) return;
                requests_[RequestKey::Of(record)] = record.id.value;
              }
            },
        event);
  }
  return absl::OkStatus();
}

template <typename Record>
std::optional<Record> MemoryStore::RequestedLocked(
    const RequestKey& key) const {
  const auto found = requests_.find(key);
  if (found == requests_.end()) return std::nullopt;
  const Record& record =
      tables_.All<Record>().at(RecordKey<Record>{found->second});
  if (RequestKey::Of(record) != key) return std::nullopt;
  return record;
}

absl::StatusOr<std::optional<Task>> MemoryStore::FindTask(
    AccountId client, const std::string& request_id) {
  absl::MutexLock lock(&mutex_);
  return RequestedLocked<Task>(RequestKey::OfTask(client, request_id));
}

absl::StatusOr<std::optional<TransferId>> MemoryStore::FindDeposit(
    const std::string& request_id) {
  absl::MutexLock lock(&mutex_);
  const auto deposit =
      RequestedLocked<Transfer>(RequestKey::OfDeposit(request_id));
  return deposit ? std::optional(deposit->id) : std::nullopt;
}

absl::StatusOr<std::optional<Payout>> MemoryStore::FindPayout(
    AccountId account, const std::string& request_id) {
  absl::MutexLock lock(&mutex_);
  return RequestedLocked<Payout>(RequestKey::OfPayout(account, request_id));
}

absl::StatusOr<std::optional<DatasetRecord>> MemoryStore::FindDataset(
    const Digest& id) {
  absl::MutexLock lock(&mutex_);
  const auto& datasets = tables_.All<DatasetRecord>();
  const auto found = datasets.find(id);
  if (found == datasets.end()) return std::nullopt;
  return found->second;
}

void MemoryStore::Tamper(const Balance& balance) {
  absl::MutexLock lock(&mutex_);
  tables_.All<Balance>()[balance.place] = balance;
}

absl::StatusOr<std::vector<Account>> MemoryStore::Accounts() {
  absl::MutexLock lock(&mutex_);
  std::vector<Account> accounts;
  for (const auto& [id, account] : tables_.All<Account>()) {
    accounts.push_back(account);
  }
  return accounts;
}

absl::StatusOr<Task> MemoryStore::GetTask(TaskId task) {
  absl::MutexLock lock(&mutex_);
  const auto& tasks = tables_.All<Task>();
  const auto found = tasks.find(task);
  if (found == tasks.end()) return TaskUnknown(task);
  return found->second;
}

absl::StatusOr<std::vector<Task>> MemoryStore::Tasks(const TaskFilter& filter) {
  absl::MutexLock lock(&mutex_);
  std::vector<Task> tasks;
  const auto& all = tables_.All<Task>();
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    const Task& task = it->second;
    if (IsFull(tasks.size(), filter.limit)) break;
    if (filter.before.IsSet() && task.id >= filter.before) continue;
    if (filter.client && task.client != *filter.client) continue;
    if (filter.dataset && task.spec->dataset != *filter.dataset) continue;
    if (filter.active_only && task.state != TaskState::kActive) continue;
    tasks.push_back(task);
  }
  return tasks;
}

absl::StatusOr<std::vector<SummaryRecord>> MemoryStore::Summaries(
    const std::vector<TaskId>& tasks) {
  absl::MutexLock lock(&mutex_);
  const std::set<TaskId> wanted(tasks.begin(), tasks.end());
  std::vector<SummaryRecord> found;
  for (const auto& [id, summary] : tables_.All<SummaryRecord>()) {
    if (wanted.contains(id)) found.push_back(summary);
  }
  return found;
}

absl::StatusOr<std::vector<Trial>> MemoryStore::TrialsIn(TaskId task,
                                                         AccountId account,
                                                         TrialId after,
                                                         int64_t limit) {
  absl::MutexLock lock(&mutex_);
  std::vector<Trial> trials;
  const auto& all = tables_.All<Trial>();
  for (auto it = all.upper_bound(after); it != all.end(); ++it) {
    if (IsFull(trials.size(), limit)) break;
    if (it->second.task != task) continue;
    if (account.IsSet() && it->second.account != account) continue;
    trials.push_back(it->second);
  }
  return trials;
}

absl::StatusOr<std::vector<Trial>> MemoryStore::TrialsOf(AccountId account,
                                                         absl::Time since,
                                                         int64_t limit) {
  absl::MutexLock lock(&mutex_);
  std::vector<Trial> trials;
  const auto& all = tables_.All<Trial>();
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (IsFull(trials.size(), limit)) break;
    if (it->second.account == account && it->second.create_time >= since) {
      trials.push_back(it->second);
    }
  }
  return trials;
}

absl::StatusOr<Trial> MemoryStore::GetTrial(TrialId trial) {
  absl::MutexLock lock(&mutex_);
  const auto& trials = tables_.All<Trial>();
  const auto found = trials.find(trial);
  if (found == trials.end()) {
    return NotFound("TRIAL_UNKNOWN",
                    absl::StrCat("there is no ", trial.ToString()));
  }
  return found->second;
}

absl::StatusOr<Audit> MemoryStore::GetOpenAudit(TrialId trial) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, audit] : tables_.All<Audit>()) {
    if (audit.trial == trial && audit.state != AuditState::kDone) return audit;
  }
  return NotFound("AUDIT_UNKNOWN",
                  absl::StrCat("no audit of ", trial.ToString(), " is open"));
}

absl::StatusOr<Session> MemoryStore::GetSession(SessionId session) {
  absl::MutexLock lock(&mutex_);
  const auto& sessions = tables_.All<Session>();
  const auto found = sessions.find(session);
  if (found == sessions.end()) {
    return NotFound(
        "SESSION_UNKNOWN",
        absl::StrCat("there is no ", session.ToString(), "; open one again"));
  }
  return found->second;
}

absl::StatusOr<std::vector<SubspaceRecord>> MemoryStore::Subspaces(
    TaskId task) {
  absl::MutexLock lock(&mutex_);
  std::vector<SubspaceRecord> subspaces;
  for (const auto& [id, record] : tables_.All<SubspaceRecord>()) {
    if (record.task == task) subspaces.push_back(record);
  }
  return subspaces;
}

absl::StatusOr<std::vector<Lease>> MemoryStore::Leases(
    const LeaseFilter& filter) {
  absl::MutexLock lock(&mutex_);
  const auto& tasks = tables_.All<Task>();
  const auto matches = [&](const Lease& lease) {
    return (!filter.before.IsSet() || lease.id < filter.before) &&
           (!filter.task || lease.task == *filter.task) &&
           (!filter.client || tasks.at(lease.task).client == *filter.client) &&
           (!filter.account || lease.account == *filter.account) &&
           (!filter.active_only || lease.state == LeaseState::kActive) &&
           (!filter.backups_only || lease.role == LeaseRole::kBackup);
  };
  std::vector<Lease> leases;
  const auto& all = tables_.All<Lease>();
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (IsFull(leases.size(), filter.limit)) break;
    if (matches(it->second)) leases.push_back(it->second);
  }
  return leases;
}

absl::StatusOr<DatasetRecord> MemoryStore::GetDataset(const Digest& id) {
  absl::MutexLock lock(&mutex_);
  const auto& datasets = tables_.All<DatasetRecord>();
  const auto found = datasets.find(id);
  if (found == datasets.end()) {
    return NotFound("DATASET_UNKNOWN",
                    absl::StrCat("there is no dataset ", id.ToString()));
  }
  return found->second;
}

absl::StatusOr<std::vector<Transfer>> MemoryStore::Transfers(
    const TransferFilter& filter) {
  absl::MutexLock lock(&mutex_);
  std::vector<Transfer> transfers;
  const auto& all = tables_.All<Transfer>();
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    const Transfer& transfer = it->second;
    if (IsFull(transfers.size(), filter.limit)) break;
    if (filter.before.IsSet() && transfer.id >= filter.before) continue;
    if (filter.task && transfer.task != *filter.task) continue;
    if (filter.place && transfer.from != *filter.place &&
        transfer.to != *filter.place) {
      continue;
    }
    transfers.push_back(transfer);
  }
  return transfers;
}

absl::StatusOr<std::vector<Payout>> MemoryStore::Payouts(
    const PayoutFilter& filter) {
  absl::MutexLock lock(&mutex_);
  std::vector<Payout> payouts;
  const auto& all = tables_.All<Payout>();
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    const Payout& payout = it->second;
    if (IsFull(payouts.size(), filter.limit)) break;
    if (filter.before.IsSet() && payout.id >= filter.before) continue;
    if (filter.account && payout.account != *filter.account) continue;
    if (filter.open_only && IsEnded(payout.state)) continue;
    payouts.push_back(payout);
  }
  return payouts;
}

absl::StatusOr<std::vector<Balance>> MemoryStore::Balances(
    const BalanceFilter& filter) {
  absl::MutexLock lock(&mutex_);
  std::vector<Balance> balances;
  for (const auto& [place, balance] : tables_.All<Balance>()) {
    if (filter.place && place != *filter.place) continue;
    if (filter.after && !ComesBefore(*filter.after, place)) continue;
    balances.push_back(balance);
  }
  std::sort(balances.begin(), balances.end(),
            [](const Balance& a, const Balance& b) {
              return ComesBefore(a.place, b.place);
            });
  if (IsFull(balances.size(), filter.limit)) {
    balances.resize(static_cast<size_t>(filter.limit));
  }
  return balances;
}

absl::StatusOr<std::vector<Owed>> MemoryStore::OwedTo(AccountId account) {
  absl::MutexLock lock(&mutex_);
  std::vector<Owed> all;
  for (const auto& [key, owed] : tables_.All<Owed>()) {
    if (owed.account == account && owed.amount != 0) all.push_back(owed);
  }
  return all;
}

absl::StatusOr<LedgerCheck> MemoryStore::CheckLedgerFrom(LedgerMark& mark) {
  absl::MutexLock lock(&mutex_);
  LedgerCheck check = memory::CheckLedger(tables_);
  const auto& transfers = tables_.All<Transfer>();
  // All of it was examined; what is counted is what is new.
  check.transfers =
      std::distance(transfers.upper_bound(mark.transfer), transfers.end());
  if (check.violations.empty() && !transfers.empty()) {
    mark.transfer = transfers.rbegin()->first;
  }
  return check;
}

}  // namespace archpool
