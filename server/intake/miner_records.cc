// SPDX-License-Identifier: Apache-2.0
#include "server/intake/miner_records.h"

#include <vector>

#include "absl/container/btree_set.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr int64_t kTrialsExplainedMax = 100'000;

// The tasks that some of its trials wait for: those that have not ended. Each
// is looked up once.
absl::Status AddUnsettled(Reader& reader, MinerRecords& records) {
  absl::btree_set<TaskId> seen;
  for (const Trial& trial : records.trials) {
    if (trial.pay != 0 || trial.state != TrialState::kAccepted ||
        !seen.insert(trial.task).second) {
      continue;
    }
    const absl::StatusOr<Task> task = reader.GetTask(trial.task);
    if (absl::IsNotFound(task.status())) continue;
    ARCHPOOL_RETURN_IF_ERROR(task.status());
    if (task->state == TaskState::kActive ||
        task->state == TaskState::kFinishing) {
      records.unsettled.insert(task->id);
    }
  }
  return absl::OkStatus();
}

void AddWorkers(const MinerRecordsParts& parts, const MinerWorkers& workers,
                MinerRecords& records) {
  for (const HeardWorker& worker : workers.heard) {
    ++records.workers;
    if (worker.last_seen + parts.policy.silence_term < parts.now) {
      ++records.silent_workers;
    } else if (!worker.idle_reason.empty()) {
      records.refusals.push_back(
          {worker.worker_name, worker.idle_reason, worker.idle_message});
    }
  }
  records.refusals.insert(records.refusals.end(), workers.refused.begin(),
                          workers.refused.end());
}

}  // namespace

absl::StatusOr<MinerRecords> ReadMinerRecords(const MinerRecordsParts& parts,
                                              const Account& account,
                                              absl::Time since,
                                              const MinerWorkers& workers) {
  MinerRecords records;
  records.account = account;
  ARCHPOOL_ASSIGN_OR_RETURN(
      records.trials,
      parts.reader.TrialsOf(account.id, since, kTrialsExplainedMax));
  ARCHPOOL_ASSIGN_OR_RETURN(
      records.payouts,
      parts.reader.Payouts({.account = account.id, .open_only = false}));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<Balance> balances,
      parts.reader.Balances({.place = Place::Of(account.id)}));
  for (const Balance& balance : balances) records.balance = balance.amount;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Owed> owed,
                            parts.reader.OwedTo(account.id));
  for (const Owed& one : owed) records.owed += one.amount;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<Task> tasks,
      parts.reader.Tasks(
          {.active_only = true, .limit = parts.policy.open_tasks_max}));
  records.open_tasks = static_cast<int64_t>(tasks.size());
  ARCHPOOL_RETURN_IF_ERROR(AddUnsettled(parts.reader, records));
  AddWorkers(parts, workers, records);
  return records;
}

}  // namespace archpool
