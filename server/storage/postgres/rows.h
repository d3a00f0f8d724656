// SPDX-License-Identifier: Apache-2.0
// The tables of migrations/, as the records of server/core/records/entities.h.
// Thread-safe: tables are made once and never change.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_ROWS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_ROWS_H_

#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "server/core/records/entities.h"
#include "server/storage/postgres/columns.h"

namespace archpool::postgres {

// A Task whose spec is still bytes, and what the database checks of it.
struct TaskRow {
  Task task;  // without its spec
  std::string spec_bytes;
  std::string name;
  Digest dataset;
  Amount reward = 0;
};
// REQUIRES: the task has a spec.
TaskRow RowOf(const Task& task);
// INTERNAL (STORE_CORRUPT).
absl::StatusOr<Task> TaskOf(const TaskRow& row);

// A SubspaceRecord whose box is still sets of bits: only the task's space makes
// a box of them.
struct SubspaceRow {
  SubspaceRecord record;  // without its box
  std::vector<uint64_t> allowed;
  int64_t split_choices = 0;  // the same bits
};
SubspaceRow RowOf(const SubspaceRecord& record);
// INTERNAL (STORE_CORRUPT).
absl::StatusOr<SubspaceRecord> SubspaceOf(const SubspaceRow& row,
                                          const SearchSpace& space);

// A Ranking whose candidates are still one string of choices.
struct RankingRow {
  TaskId task;
  int64_t verdicts_seen = 0;
  Architecture candidates;
};
RankingRow RowOf(const Ranking& ranking);
// INTERNAL (STORE_CORRUPT).
absl::StatusOr<Ranking> RankingOf(const RankingRow& row,
                                  const SearchSpace& space);

// The record that a row of an event's table holds: the row itself, or what
// RowOf makes a row of.
template <typename Row>
struct RecordIn {
  using Type = Row;
};
template <>
struct RecordIn<TaskRow> {
  using Type = Task;
};
template <>
struct RecordIn<SubspaceRow> {
  using Type = SubspaceRecord;
};
template <>
struct RecordIn<RankingRow> {
  using Type = Ranking;
};

// A seal of receipts, and an account's statement in the latest one.
struct SealRow {
  int64_t number = 0;
  ReceiptId last_receipt;
  std::string content;
  std::string signature;
};
struct StatementRow {
  AccountId account;
  int64_t count = 0;
  Amount balance = 0;
  std::string peaks;  // 32 bytes each
};

const Table<Account>& AccountTable();
const Table<DatasetRecord>& DatasetTable();
const Table<TaskRow>& TaskTable();
const Table<SubspaceRow>& SubspaceTable();
const Table<Session>& SessionTable();
const Table<Lease>& LeaseTable();
const Table<Trial>& TrialTable();
const Table<Audit>& AuditTable();
const Table<Balance>& BalanceTable();
const Table<Transfer>& TransferTable();
const Table<RankingRow>& RankingTable();
const Table<Payout>& PayoutTable();
const Table<Owed>& OwedTable();
const Table<Receipt>& ReceiptTable();
const Table<PoolClock>& ClockTable();
const Table<VerifierRecord>& VerifierTable();
const Table<StoredFile>& StoredFileTable();
const Table<StoredWeights>& StoredWeightsTable();
const Table<StorageUse>& StorageUseTable();
const Table<SummaryRecord>& TaskSummaryTable();
const Table<Invitation>& InvitationTable();
const Table<AccountToken>& AccountTokenTable();
const Table<SealRow>& SealTable();
const Table<StatementRow>& StatementTable();

// Where events are written: a table for each kind of record, referenced tables
// before those that refer to them.
inline auto EventTables() {
  return std::tie(AccountTable(), DatasetTable(), TaskTable(), SubspaceTable(),
                  SessionTable(), LeaseTable(), TrialTable(), AuditTable(),
                  BalanceTable(), PayoutTable(), RankingTable(), OwedTable(),
                  ClockTable(), VerifierTable(), StoredFileTable(),
                  StorageUseTable(), StoredWeightsTable(), InvitationTable(),
                  AccountTokenTable(), TaskSummaryTable(), ReceiptTable(),
                  TransferTable());
}
static_assert(std::tuple_size_v<decltype(EventTables())> ==
                  std::variant_size_v<Event>,
              "EventTables() lacks the table of a kind of record");

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_ROWS_H_
