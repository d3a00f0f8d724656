// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/load.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/core/records/keys.h"
#include "server/storage/postgres/rows.h"
#include "server/storage/postgres/sql_words.h"

namespace archpool::postgres {
namespace {

// What has not ended.
template <typename State>
std::string IsOpen() {
  return absl::StrCat("state NOT IN ", EndedWords<State>());
}

// Selects these tasks, which are few of many. They are spelt out: of a subquery
// the planner guesses how many it gives, and goes through whole tables where it
// guesses too high.
std::string IsAmong(absl::string_view column,
                    const std::vector<TaskRow>& tasks) {
  const auto add = [](std::string* list, const TaskRow& row) {
    absl::StrAppend(list, row.task.id.value);
  };
  return absl::StrCat(column, " = ANY ('{", absl::StrJoin(tasks, ",", add),
                      "}'::bigint[])");
}

template <typename Row>
absl::Status AddRecords(pqxx::transaction_base& transaction,
                        const Table<Row>& table, const std::string& condition,
                        std::vector<Event>& records) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      Select(transaction, table, condition, Parameters{}));
  for (Row& row : rows) records.emplace_back(std::move(row));
  return absl::OkStatus();
}

absl::Status AddTasksAndSubspaces(pqxx::transaction_base& transaction,
                                  const std::vector<TaskRow>& tasks,
                                  std::vector<Event>& records,
                                  std::vector<Event>& later) {
  const std::string of_open_tasks = IsAmong("task_id", tasks);
  absl::btree_map<TaskId, std::shared_ptr<const TaskSpec>> specs;
  for (const TaskRow& row : tasks) {
    ARCHPOOL_ASSIGN_OR_RETURN(Task task, TaskOf(row));
    specs[task.id] = task.spec;
    records.emplace_back(std::move(task));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<SubspaceRow> subspaces,
      Select(transaction, SubspaceTable(),
             absl::StrCat("WHERE ", of_open_tasks, " ORDER BY id"), {}));
  for (const SubspaceRow& row : subspaces) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        SubspaceRecord record,
        SubspaceOf(row, specs.at(row.record.task)->space));
    records.emplace_back(std::move(record));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<RankingRow> rankings,
      Select(transaction, RankingTable(),
             absl::StrCat("WHERE ", of_open_tasks, " ORDER BY task_id"), {}));
  for (const RankingRow& row : rankings) {
    ARCHPOOL_ASSIGN_OR_RETURN(Ranking ranking,
                              RankingOf(row, specs.at(row.task)->space));
    later.emplace_back(std::move(ranking));
  }
  return absl::OkStatus();
}

// All of a kind, by key as the core orders them, which is not how SQL orders
// words and texts.
template <typename Record>
absl::Status AddAll(pqxx::transaction_base& transaction,
                    std::vector<Event>& records,
                    const std::string& condition = "") {
  const auto& table = std::get<const Table<Record>&>(EventTables());
  ARCHPOOL_ASSIGN_OR_RETURN(std::vector<Record> all,
                            Select(transaction, table, condition, {}));
  std::sort(all.begin(), all.end(), [](const Record& a, const Record& b) {
    return KeyOf(a) < KeyOf(b);
  });
  for (Record& record : all) records.emplace_back(std::move(record));
  return absl::OkStatus();
}

absl::Status AddPlainRecords(pqxx::transaction_base& transaction,
                             std::vector<Event>& records) {
  absl::Status status;
  ForEachKind<PlainRecords>([&]<typename Record>(std::type_identity<Record>) {
    if (status.ok()) status = AddAll<Record>(transaction, records);
  });
  return status;
}

// Calls `use` with the table of each kind of numbered record.
template <typename Use>
void ForEachNumbered(const Use& use) {
  const auto look = [&]<typename Row>(const Table<Row>& table) {
    if constexpr (Numbered<typename RecordIn<Row>::Type>) use(table);
  };
  std::apply([&](const auto&... tables) { (look(tables), ...); },
             EventTables());
}

LastIds LoadLastIds(pqxx::transaction_base& transaction) {
  LastIds last;
  ForEachNumbered([&]<typename Row>(const Table<Row>& table) {
    using Record = typename RecordIn<Row>::Type;
    last.Of(RecordKey<Record>()) = LastIdOf(transaction, table.name);
  });
  return last;
}

}  // namespace

std::vector<std::string> NumberedTables() {
  std::vector<std::string> names;
  ForEachNumbered([&names](const auto& table) { names.push_back(table.name); });
  return names;
}

int64_t LastIdOf(pqxx::transaction_base& transaction,
                 const std::string& table) {
  return transaction
      .exec(absl::StrCat("SELECT greatest((SELECT coalesce(max(id), 0) FROM ",
                         table,
                         "), (SELECT coalesce(max(last_id), 0) FROM id_floor"
                         " WHERE record = '",
                         table, "'))"))
      .at(0)
      .at(0)
      .as<int64_t>();
}

absl::StatusOr<PoolSnapshot> Load(pqxx::connection& connection) {
  pqxx::work transaction(connection);
  transaction.exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
  PoolSnapshot snapshot;
  std::vector<Event>& records = snapshot.records;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<TaskRow> tasks,
      Select(transaction, TaskTable(),
             absl::StrCat("WHERE ", IsOpen<TaskState>(), " ORDER BY id"), {}));
  const std::string of_open_tasks = IsAmong("task_id", tasks);
  ARCHPOOL_RETURN_IF_ERROR(
      AddRecords(transaction, AccountTable(), "ORDER BY id", records));
  ARCHPOOL_RETURN_IF_ERROR(
      AddRecords(transaction, DatasetTable(),
                 absl::StrCat("WHERE id IN (SELECT dataset_id FROM task WHERE ",
                              IsAmong("id", tasks), ") ORDER BY id"),
                 records));
  // Rankings come after the audits, as the core holds them.
  std::vector<Event> rankings;
  ARCHPOOL_RETURN_IF_ERROR(
      AddTasksAndSubspaces(transaction, tasks, records, rankings));
  ARCHPOOL_RETURN_IF_ERROR(AddRecords(transaction, SessionTable(),
                                      "WHERE state = 'open' ORDER BY id",
                                      records));
  ARCHPOOL_RETURN_IF_ERROR(
      AddRecords(transaction, LeaseTable(),
                 absl::StrCat("WHERE state = 'active' AND ", of_open_tasks,
                              " ORDER BY id"),
                 records));
  ARCHPOOL_RETURN_IF_ERROR(AddRecords(
      transaction, TrialTable(),
      absl::StrCat("WHERE ", of_open_tasks, " ORDER BY id"), records));
  ARCHPOOL_RETURN_IF_ERROR(AddRecords(
      transaction, AuditTable(),
      absl::StrCat("WHERE state <> 'done' AND ", of_open_tasks, " ORDER BY id"),
      records));
  records.insert(records.end(), rankings.begin(), rankings.end());
  ARCHPOOL_RETURN_IF_ERROR(AddRecords(
      transaction, PayoutTable(),
      absl::StrCat("WHERE ", IsOpen<PayoutState>(), " ORDER BY id"), records));
  ARCHPOOL_RETURN_IF_ERROR(
      AddRecords(transaction, OwedTable(),
                 "WHERE amount <> 0 ORDER BY account_id, position", records));
  ARCHPOOL_RETURN_IF_ERROR(
      AddAll<Balance>(transaction, records, "WHERE amount <> 0"));
  ARCHPOOL_RETURN_IF_ERROR(AddPlainRecords(transaction, records));
  snapshot.last_ids = LoadLastIds(transaction);
  transaction.commit();
  return snapshot;
}

}  // namespace archpool::postgres
