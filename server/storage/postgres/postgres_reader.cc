// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/postgres_reader.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/check.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "server/storage/postgres/blob_claims.h"
#include "server/storage/postgres/ledger_check.h"
#include "server/storage/postgres/load.h"
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/sql_words.h"
#include "server/storage/postgres/statement_watch.h"

namespace archpool {

using postgres::Parameters;
using postgres::Select;

namespace {

constexpr absl::Duration kSharingMax = absl::Seconds(5);
constexpr absl::Duration kSharingPause = absl::Milliseconds(10);
// The whole ledger of a large pool.
constexpr absl::Duration kLedgerCheckMax = absl::Minutes(10);
constexpr absl::Duration kLedgerStatementMax = absl::Minutes(1);

}  // namespace

// Lends connections, each to one call at a time.
class PostgresReader::Connections {
 public:
  Connections(std::string connection_string, int connections_max,
              const Patience& patience)
      : connection_string_(std::move(connection_string)),
        connections_max_(connections_max),
        patience_(patience),
        watch_(patience) {
    ARCHPOOL_CHECK(connections_max > 0);
  }

  // Runs `body` in a read-only transaction that sees one snapshot, for at most
  // so long; each of its statements has `statement_max`.
  absl::Status Run(
      const std::function<absl::Status(pqxx::transaction_base&)>& body,
      absl::Duration time_max, absl::Duration statement_max)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    std::unique_ptr<pqxx::connection> connection = Take();
    const bool was_idle = connection != nullptr;
    const Limits limits{time_max, statement_max};
    absl::Status status = RunOn(connection, limits, body);
    if (was_idle && GetReason(status) == "STORE_UNREACHABLE") {
      // It may have gone stale while it idled (a restarted database), and a
      // read may be asked twice.
      connection = nullptr;
      status = RunOn(connection, limits, body);
    }
    if (GetReason(status) == "STORE_CONNECTIONS") {
      Return(nullptr);
      connection = TakeIdle();
      if (connection != nullptr) status = RunOn(connection, limits, body);
    }
    Return(std::move(connection));
    return status;
  }
  absl::Status Run(
      const std::function<absl::Status(pqxx::transaction_base&)>& body)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    return Run(body, patience_.statement_max, patience_.statement_max);
  }

  // The rows of one table under `condition`, in such a transaction.
  template <typename Row>
  absl::StatusOr<std::vector<Row>> Rows(const postgres::Table<Row>& table,
                                        const std::string& condition,
                                        const Parameters& parameters) {
    std::vector<Row> rows;
    ARCHPOOL_RETURN_IF_ERROR(
        Run([&](pqxx::transaction_base& transaction) -> absl::Status {
          ARCHPOOL_ASSIGN_OR_RETURN(
              rows, Select(transaction, table, condition, parameters));
          return absl::OkStatus();
        }));
    return rows;
  }

 private:
  struct Limits {
    absl::Duration time_max;
    absl::Duration statement_max;
  };

  absl::Status RunOn(
      std::unique_ptr<pqxx::connection>& connection, const Limits& limits,
      const std::function<absl::Status(pqxx::transaction_base&)>& body) {
    bool was_cut = false;
    const absl::Status status = postgres::RunGuarded(
        [&]() -> absl::Status {
          if (connection == nullptr) {
            connection = postgres::Connect(connection_string_, watch_);
          }
          // A database that hangs must not hang every page with it.
          const postgres::StatementWatch::Guard guard(
              watch_, connection->sock(), limits.time_max, &was_cut);
          pqxx::work transaction(*connection);
          transaction.exec(absl::StrCat(
              "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
              "SET LOCAL statement_timeout = ",
              absl::ToInt64Milliseconds(limits.statement_max)));
          ARCHPOOL_RETURN_IF_ERROR(body(transaction));
          transaction.commit();
          return absl::OkStatus();
        },
        connection_string_);
    if (!postgres::IsConnectionSound(status)) connection = nullptr;
    if (absl::IsUnknown(status)) {
      return postgres::NameSilence(
          Unavailable("STORE_UNREACHABLE", status.message()), was_cut);
    }
    return postgres::NameSilence(status, was_cut);
  }

  // A connection that another call gives back soon; nullptr where none does.
  // The caller returns either.
  std::unique_ptr<pqxx::connection> TakeIdle() ABSL_LOCKS_EXCLUDED(mutex_) {
    const Countdown rest(kSharingMax);
    while (true) {
      {
        absl::MutexLock lock(&mutex_);
        const bool is_hopeless = idle_.empty() && lent_ == 0;
        if (!idle_.empty() || is_hopeless || rest.IsOver()) {
          ++lent_;
          if (idle_.empty()) return nullptr;
          std::unique_ptr<pqxx::connection> connection =
              std::move(idle_.back());
          idle_.pop_back();
          return connection;
        }
      }
      if (WaitOrStop(patience_.stop, kSharingPause)) return LendNothing();
    }
  }
  std::unique_ptr<pqxx::connection> LendNothing() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    ++lent_;
    return nullptr;
  }

  // An idle connection, or nullptr: the right to make one.
  std::unique_ptr<pqxx::connection> Take() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Connections::HasFree));
    ++lent_;
    if (idle_.empty()) return nullptr;
    std::unique_ptr<pqxx::connection> connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }
  void Return(std::unique_ptr<pqxx::connection> connection)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    --lent_;
    if (connection != nullptr) idle_.push_back(std::move(connection));
  }
  bool HasFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return lent_ < connections_max_;
  }

  const std::string connection_string_;
  const int connections_max_;
  const Patience patience_;
  postgres::StatementWatch watch_;
  absl::Mutex mutex_;
  std::vector<std::unique_ptr<pqxx::connection>> idle_ ABSL_GUARDED_BY(mutex_);
  int lent_ ABSL_GUARDED_BY(mutex_) = 0;
};

namespace {

// The id to page down from: an unset one means the newest.
template <typename Id>
std::string BeforeOrNewest(Id before) {
  return absl::StrCat(before.IsSet() ? before.value : INT64_MAX);
}

std::string LimitText(int64_t limit) {
  return absl::StrCat(std::max<int64_t>(limit, 0));
}

absl::StatusOr<Task> FindTask(pqxx::transaction_base& transaction, TaskId id) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<postgres::TaskRow> rows,
      Select(transaction, postgres::TaskTable(), "WHERE id = $1::bigint",
             {absl::StrCat(id.value)}));
  if (rows.empty()) {
    return NotFound("TASK_UNKNOWN",
                    absl::StrCat("there is no ", id.ToString(),
                                 "; ListTasks names those there are"));
  }
  return postgres::TaskOf(rows.front());
}

}  // namespace

PostgresReader::PostgresReader(std::string connection_string,
                               int connections_max, const Patience& patience)
    : connections_(std::make_unique<Connections>(std::move(connection_string),
                                                 connections_max, patience)) {}

PostgresReader::~PostgresReader() = default;

absl::StatusOr<std::vector<Account>> PostgresReader::Accounts() {
  return connections_->Rows(postgres::AccountTable(), "ORDER BY id", {});
}

absl::StatusOr<Task> PostgresReader::GetTask(TaskId task) {
  Task found;
  ARCHPOOL_RETURN_IF_ERROR(
      connections_->Run([&](pqxx::transaction_base& t) -> absl::Status {
        ARCHPOOL_ASSIGN_OR_RETURN(found, FindTask(t, task));
        return absl::OkStatus();
      }));
  return found;
}

absl::StatusOr<std::vector<Task>> PostgresReader::Tasks(
    const TaskFilter& filter) {
  std::string condition = "WHERE id < $1::bigint";
  Parameters parameters = {BeforeOrNewest(filter.before),
                           LimitText(filter.limit)};
  if (filter.client) {
    condition += " AND client_id = $3::bigint";
    parameters.push_back(absl::StrCat(filter.client->value));
  }
  if (filter.dataset) {
    parameters.push_back(filter.dataset->ToString());
    absl::StrAppend(&condition, " AND dataset_id = decode($", parameters.size(),
                    ", 'hex')");
  }
  if (filter.active_only) condition += " AND state = 'active'";
  condition += " ORDER BY id DESC LIMIT $2::bigint";
  std::vector<Task> tasks;
  ARCHPOOL_RETURN_IF_ERROR(
      connections_->Run([&](pqxx::transaction_base& t) -> absl::Status {
        ARCHPOOL_ASSIGN_OR_RETURN(
            const std::vector<postgres::TaskRow> rows,
            Select(t, postgres::TaskTable(), condition, parameters));
        tasks.clear();
        for (const postgres::TaskRow& row : rows) {
          ARCHPOOL_ASSIGN_OR_RETURN(Task task, postgres::TaskOf(row));
          tasks.push_back(std::move(task));
        }
        return absl::OkStatus();
      }));
  return tasks;
}

absl::StatusOr<std::vector<SummaryRecord>> PostgresReader::Summaries(
    const std::vector<TaskId>& tasks) {
  postgres::ArrayText ids;
  for (const TaskId task : tasks) ids.AddInt(task.value);
  return connections_->Rows(
      postgres::TaskSummaryTable(),
      "WHERE task_id = ANY ($1::bigint[]) ORDER BY task_id",
      {std::move(ids).Take()});
}

absl::StatusOr<std::vector<Trial>> PostgresReader::TrialsIn(TaskId task,
                                                            AccountId account,
                                                            TrialId after,
                                                            int64_t limit) {
  std::vector<std::string> values = {
      absl::StrCat(task.value), absl::StrCat(after.value), LimitText(limit)};
  if (account.IsSet()) values.push_back(absl::StrCat(account.value));
  return connections_->Rows(
      postgres::TrialTable(),
      absl::StrCat("WHERE task_id = $1::bigint AND id > $2::bigint",
                   account.IsSet() ? " AND account_id = $4::bigint" : "",
                   " ORDER BY id LIMIT $3::bigint"),
      values);
}

absl::StatusOr<std::vector<Trial>> PostgresReader::TrialsOf(AccountId account,
                                                            absl::Time since,
                                                            int64_t limit) {
  return connections_->Rows(
      postgres::TrialTable(),
      "WHERE account_id = $1::bigint AND create_time >= "
      "timestamptz 'epoch' + $2::bigint * interval "
      "'1 microsecond' ORDER BY id DESC LIMIT $3::bigint",
      {absl::StrCat(account.value), absl::StrCat(absl::ToUnixMicros(since)),
       LimitText(limit)});
}

absl::StatusOr<Trial> PostgresReader::GetTrial(TrialId trial) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::vector<Trial> found,
      connections_->Rows(postgres::TrialTable(), "WHERE id = $1::bigint",
                         {absl::StrCat(trial.value)}));
  if (found.empty()) {
    return NotFound("TRIAL_UNKNOWN",
                    absl::StrCat("there is no ", trial.ToString(),
                                 "; ListTrials names those of a task"));
  }
  return found.front();
}

absl::StatusOr<Audit> PostgresReader::GetOpenAudit(TrialId trial) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::vector<Audit> found,
      connections_->Rows(postgres::AuditTable(),
                         "WHERE trial_id = $1::bigint AND state <> 'done'",
                         {absl::StrCat(trial.value)}));
  if (found.empty()) {
    return NotFound("AUDIT_UNKNOWN",
                    absl::StrCat("no audit of ", trial.ToString(), " is open"));
  }
  return found.front();
}

absl::StatusOr<Session> PostgresReader::GetSession(SessionId session) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::vector<Session> found,
      connections_->Rows(postgres::SessionTable(), "WHERE id = $1::bigint",
                         {absl::StrCat(session.value)}));
  if (found.empty()) {
    return NotFound(
        "SESSION_UNKNOWN",
        absl::StrCat("there is no ", session.ToString(), "; open one again"));
  }
  return found.front();
}

absl::StatusOr<std::vector<SubspaceRecord>> PostgresReader::Subspaces(
    TaskId task) {
  std::vector<SubspaceRecord> subspaces;
  ARCHPOOL_RETURN_IF_ERROR(connections_->Run([&](pqxx::transaction_base& t)
                                                 -> absl::Status {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<postgres::SubspaceRow> rows,
                              Select(t, postgres::SubspaceTable(),
                                     "WHERE task_id = $1::bigint ORDER BY id",
                                     {absl::StrCat(task.value)}));
    subspaces.clear();
    if (rows.empty()) return absl::OkStatus();
    ARCHPOOL_ASSIGN_OR_RETURN(const Task owner, FindTask(t, task));
    for (const postgres::SubspaceRow& row : rows) {
      ARCHPOOL_ASSIGN_OR_RETURN(SubspaceRecord record,
                                postgres::SubspaceOf(row, owner.spec->space));
      subspaces.push_back(std::move(record));
    }
    return absl::OkStatus();
  }));
  return subspaces;
}

absl::StatusOr<std::vector<Lease>> PostgresReader::Leases(
    const LeaseFilter& filter) {
  std::string condition = "WHERE id < $1::bigint";
  Parameters parameters = {BeforeOrNewest(filter.before),
                           LimitText(filter.limit)};
  const auto require = [&](const char* before, int64_t value,
                           const char* after) {
    parameters.push_back(absl::StrCat(value));
    absl::StrAppend(&condition, " AND ", before, "$", parameters.size(),
                    "::bigint", after);
  };
  if (filter.task) require("task_id = ", filter.task->value, "");
  if (filter.client) {
    require("task_id IN (SELECT t.id FROM task t WHERE t.client_id = ",
            filter.client->value, ")");
  }
  if (filter.account) require("account_id = ", filter.account->value, "");
  if (filter.active_only) condition += " AND state = 'active'";
  if (filter.backups_only) condition += " AND role = 'backup'";
  condition += " ORDER BY id DESC LIMIT $2::bigint";
  return connections_->Rows(postgres::LeaseTable(), condition, parameters);
}

absl::StatusOr<DatasetRecord> PostgresReader::GetDataset(const Digest& id) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::vector<DatasetRecord> found,
      connections_->Rows(postgres::DatasetTable(),
                         "WHERE id = decode($1::text, 'hex')",
                         {id.ToString()}));
  if (found.empty()) {
    return NotFound("DATASET_UNKNOWN",
                    absl::StrCat("there is no dataset ", id.ToString(),
                                 "; register it first"));
  }
  return found.front();
}

absl::StatusOr<std::vector<BlobClaims>> PostgresReader::FindClaims(
    const std::vector<Digest>& blobs) {
  std::vector<BlobClaims> claims;
  ARCHPOOL_RETURN_IF_ERROR(
      connections_->Run([&](pqxx::transaction_base& t) -> absl::Status {
        ARCHPOOL_ASSIGN_OR_RETURN(claims, postgres::FindClaims(t, blobs));
        return absl::OkStatus();
      }));
  return claims;
}

absl::StatusOr<std::vector<Payout>> PostgresReader::Payouts(
    const PayoutFilter& filter) {
  std::string condition = "WHERE id < $1::bigint";
  Parameters parameters = {BeforeOrNewest(filter.before),
                           LimitText(filter.limit)};
  if (filter.account) {
    parameters.push_back(absl::StrCat(filter.account->value));
    condition += " AND account_id = $3::bigint";
  }
  if (filter.open_only) {
    absl::StrAppend(&condition, " AND state NOT IN ",
                    postgres::EndedWords<PayoutState>());
  }
  condition += " ORDER BY id DESC LIMIT $2::bigint";
  return connections_->Rows(postgres::PayoutTable(), condition, parameters);
}

absl::StatusOr<std::vector<Transfer>> PostgresReader::Transfers(
    const TransferFilter& filter) {
  std::string condition = "WHERE id < $1::bigint";
  Parameters parameters = {BeforeOrNewest(filter.before),
                           LimitText(filter.limit)};
  const auto next = [&parameters](std::string value) {
    parameters.push_back(std::move(value));
    return absl::StrCat("$", parameters.size());
  };
  if (filter.task) {
    absl::StrAppend(&condition,
                    " AND task_id = ", next(absl::StrCat(filter.task->value)),
                    "::bigint");
  }
  constexpr absl::string_view kNewest = " ORDER BY id DESC LIMIT $2::bigint";
  if (filter.place) {
    // Each side has an index in the order of ids, and no transfer is on both:
    // an OR of the two would read all of a place's transfers for one page.
    const std::string kind = next(ToString(filter.place->kind));
    const std::string id = next(absl::StrCat(filter.place->id));
    const auto side = [&](absl::string_view name) {
      return absl::StrCat("(SELECT id FROM transfer ", condition, " AND ", name,
                          "_kind = ", kind, "::text AND ", name, "_id = ", id,
                          "::bigint", kNewest, ")");
    };
    condition = absl::StrCat("WHERE id = ANY (ARRAY(", side("debit"),
                             " UNION ALL ", side("credit"), "))");
  }
  absl::StrAppend(&condition, kNewest);
  return connections_->Rows(postgres::TransferTable(), condition, parameters);
}

absl::StatusOr<std::vector<Balance>> PostgresReader::Balances(
    const BalanceFilter& filter) {
  Parameters parameters = {LimitText(filter.limit)};
  std::string condition;
  const auto require = [&](absl::string_view comparison, const Place& place) {
    absl::StrAppend(&condition, condition.empty() ? "WHERE " : " AND ",
                    "(kind, place_id) ", comparison, " ($",
                    parameters.size() + 1, "::text, $", parameters.size() + 2,
                    "::bigint)");
    parameters.push_back(ToString(place.kind));
    parameters.push_back(absl::StrCat(place.id));
  };
  if (filter.place) require("=", *filter.place);
  if (filter.after) require(">", *filter.after);
  absl::StrAppend(&condition, " ORDER BY kind, place_id LIMIT $1::bigint");
  return connections_->Rows(postgres::BalanceTable(), condition, parameters);
}

absl::StatusOr<std::vector<Owed>> PostgresReader::OwedTo(AccountId account) {
  return connections_->Rows(
      postgres::OwedTable(),
      "WHERE account_id = $1::bigint AND amount <> 0 ORDER BY position",
      {absl::StrCat(account.value)});
}

absl::StatusOr<LedgerCheck> PostgresReader::CheckLedgerFrom(LedgerMark& mark) {
  LedgerCheck check;
  ARCHPOOL_RETURN_IF_ERROR(connections_->Run(
      [&](pqxx::transaction_base& t) -> absl::Status {
        ARCHPOOL_ASSIGN_OR_RETURN(check, postgres::CheckLedger(t, mark));
        return absl::OkStatus();
      },
      kLedgerCheckMax, kLedgerStatementMax));
  return check;
}

}  // namespace archpool
