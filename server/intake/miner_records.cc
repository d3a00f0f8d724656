// SPDX-License-Identifier: Apache-2.0
#include "server/intake/miner_records.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr int64_t kTrialsExplainedMax = 100'000;
// A page of explanations, and a bounded number of reads.
constexpr int64_t kAuditsExplainedMax = 100;

// The tasks that some of its trials wait for: those that have not ended. Each
// is looked up once.
absl::Status AddUnsettled(Reader& reader, MinerRecords& records) {
  absl::btree_set<TaskId> seen;
  for (const Trial& trial : records.trials) {
    if (SettlementOf(trial).pay != 0 || trial.state != TrialState::kAccepted ||
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

// Whether the worker of `session` was heard of lately, and the name that it is
// known by here; "" where it is not.
std::pair<bool, std::string> WhoIs(const MinerRecordsParts& parts,
                                   const MinerWorkers& workers,
                                   SessionId session) {
  for (const HeardWorker& worker : workers.heard) {
    if (worker.session != session) continue;
    return {worker.last_seen + parts.policy.silence_term >= parts.now,
            worker.worker_name};
  }
  return {false, ""};
}

// The silent workers of whom the newest pending trials ask answers.
absl::Status AddAnswerers(const MinerRecordsParts& parts,
                          const MinerWorkers& workers, MinerRecords& records) {
  absl::btree_map<SessionId, SilentAnswerer> asked;
  int64_t looks_left = kAuditsExplainedMax;
  for (const Trial& trial : records.trials) {  // the newest first
    if (!IsPending(trial.state) || !trial.commitment) continue;
    if (looks_left-- == 0) break;
    const absl::StatusOr<Audit> audit = parts.reader.GetOpenAudit(trial.id);
    if (absl::IsNotFound(audit.status())) continue;
    ARCHPOOL_RETURN_IF_ERROR(audit.status());
    if (audit->state != AuditState::kAsked) continue;
    SilentAnswerer& one = asked[trial.commitment->session];
    ++one.trials;
    if (audit->is_away && audit->away_until) {
      const absl::Duration left =
          audit->expire_time.value_or(*audit->away_until) - parts.now;
      one.waits = std::min(one.waits.value_or(left), left);
    }
    one.newest = std::max(one.newest, trial.id);
  }
  for (auto& [session, one] : asked) {
    const auto [is_heard, name] = WhoIs(parts, workers, session);
    if (is_heard) continue;
    one.session = session;
    one.worker_name = name;
    if (name.empty()) {
      ARCHPOOL_ASSIGN_OR_RETURN(const Session known,
                                parts.reader.GetSession(session));
      one.worker_name = known.worker_name;
    }
    records.answerers.push_back(one);
  }
  return absl::OkStatus();
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
  ARCHPOOL_RETURN_IF_ERROR(AddAnswerers(parts, workers, records));
  AddWorkers(parts, workers, records);
  return records;
}

}  // namespace archpool
