// SPDX-License-Identifier: Apache-2.0
// The store keeps the pool's records. Two implementations: memory, and
// PostgreSQL, held to one conformance suite
// (server/storage/store_conformance.h).
#ifndef ARCHPOOL_SERVER_STORAGE_STORE_H_
#define ARCHPOOL_SERVER_STORAGE_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/core/records/archive.h"
#include "server/core/records/blob_claims.h"
#include "server/core/records/entities.h"
#include "server/core/records/snapshot.h"

namespace archpool {

// What a writer starts from: one snapshot, after its generation was raised.
struct LoadedPool {
  int64_t generation = 0;
  int64_t sequence = 0;
  PoolSnapshot snapshot;
};

// The engine's side. One thread at a time. What it says as an archive is what
// was committed, whichever server is the writer: so an engine that is fenced
// off may read what it may no longer write. UNAVAILABLE (STORE_UNREACHABLE).
class Store : public Archive {
 public:
  // Makes the caller the one writer: raises the generation in a transaction of
  // its own (whose row lock waits out a commit in doubt), then loads what is
  // open in one snapshot. UNAVAILABLE (STORE_UNREACHABLE).
  virtual absl::StatusOr<LoadedPool> TakeOver() = 0;

  // Writes `events`, in order, in one transaction that also checks that
  // (generation, sequence) is the head and moves it to (generation, sequence +
  // 1). Of several events of one record the last counts; transfers are only
  // added. REQUIRES: finite times are whole microseconds, as SystemClock's are.
  // ABORTED (FENCED): another writer took over. FAILED_PRECONDITION
  // (CONSTRAINT): the database refused a row; nothing was written. UNAVAILABLE
  // (STORE_UNREACHABLE): nothing was written. UNKNOWN (COMMIT_IN_DOUBT): it may
  // have been written; take over to know.
  virtual absl::Status Commit(int64_t generation, int64_t sequence,
                              absl::Span<const Event> events) = 0;
};

struct TaskFilter {
  std::optional<AccountId> client;
  std::optional<Digest> dataset;
  bool active_only = false;
  TaskId before;  // unset: from the newest
  int64_t limit = 100;
};

struct LeaseFilter {
  std::optional<TaskId> task;
  std::optional<AccountId> client;   // whose tasks
  std::optional<AccountId> account;  // whose leases
  bool active_only = false;
  bool backups_only = false;
  LeaseId before;  // unset: from the newest
  int64_t limit = 100;
};

struct TransferFilter {
  std::optional<Place> place;  // on either side
  std::optional<TaskId> task;
  TransferId before;  // unset: from the newest
  int64_t limit = 100;
};

struct PayoutFilter {
  std::optional<AccountId> account;
  bool open_only = false;
  PayoutId before;  // unset: from the newest
  int64_t limit = 100;
};

struct BalanceFilter {
  std::optional<Place> place;  // that one alone
  std::optional<Place> after;  // unset: from the first
  int64_t limit = 100;
};
// The order of balances in pages: by the kind's word, then the number.
inline bool ComesBefore(const Place& a, const Place& b) {
  const absl::string_view a_word = ToString(a.kind);
  const absl::string_view b_word = ToString(b.kind);
  return a_word != b_word ? a_word < b_word : a.id < b.id;
}

// Sums may pass 64 bits.
__extension__ using LedgerSum = __int128;
using LedgerSums = std::map<Place, LedgerSum>;

// How far a ledger was checked: the transfers up to there, and what they make.
struct LedgerMark {
  TransferId transfer;
  LedgerSums sums;
};

struct LedgerCheck {
  std::vector<std::string> violations;
  int64_t transfers = 0;  // that were examined
  // Decimal text: the sums may pass 64 bits.
  std::string debits;
  std::string credits;
};

// The interfaces' side: reads committed records, ended tasks included.
// Thread-safe. Every call: UNAVAILABLE (STORE_UNREACHABLE).
class Reader {
 public:
  virtual ~Reader() = default;

  virtual absl::StatusOr<std::vector<Account>> Accounts() = 0;  // by id
  // NOT_FOUND (TASK_UNKNOWN).
  virtual absl::StatusOr<Task> GetTask(TaskId task) = 0;
  virtual absl::StatusOr<std::vector<Task>> Tasks(const TaskFilter&) = 0;
  // What those of the tasks came to that have a summary, by task: one that is
  // open has none, nor has one that a server from before summaries ended.
  virtual absl::StatusOr<std::vector<SummaryRecord>> Summaries(
      const std::vector<TaskId>& tasks) = 0;
  // The trials of one task, by id, those after `after`; of one account, or of
  // all where it is unset.
  virtual absl::StatusOr<std::vector<Trial>> TrialsIn(TaskId task,
                                                      AccountId account,
                                                      TrialId after,
                                                      int64_t limit) = 0;
  absl::StatusOr<std::vector<Trial>> Trials(TaskId task, TrialId after,
                                            int64_t limit) {
    return TrialsIn(task, AccountId(), after, limit);
  }
  // The trials of one account, newest first, made since `since`.
  virtual absl::StatusOr<std::vector<Trial>> TrialsOf(AccountId account,
                                                      absl::Time since,
                                                      int64_t limit) = 0;
  // NOT_FOUND (TRIAL_UNKNOWN).
  virtual absl::StatusOr<Trial> GetTrial(TrialId trial) = 0;
  // The trial's audit that is not done. NOT_FOUND (AUDIT_UNKNOWN).
  virtual absl::StatusOr<Audit> GetOpenAudit(TrialId trial) = 0;
  // NOT_FOUND (SESSION_UNKNOWN).
  virtual absl::StatusOr<Session> GetSession(SessionId session) = 0;
  virtual absl::StatusOr<std::vector<SubspaceRecord>> Subspaces(
      TaskId task) = 0;
  // Newest first.
  virtual absl::StatusOr<std::vector<Lease>> Leases(const LeaseFilter&) = 0;
  // NOT_FOUND (DATASET_UNKNOWN).
  virtual absl::StatusOr<DatasetRecord> GetDataset(const Digest& id) = 0;
  // Who names each of the blobs, one answer for each, all of one moment.
  virtual absl::StatusOr<std::vector<BlobClaims>> FindClaims(
      const std::vector<Digest>& blobs) = 0;
  // Newest first.
  virtual absl::StatusOr<std::vector<Transfer>> Transfers(
      const TransferFilter&) = 0;
  // Newest first.
  virtual absl::StatusOr<std::vector<Payout>> Payouts(const PayoutFilter&) = 0;
  // In the order of ComesBefore.
  virtual absl::StatusOr<std::vector<Balance>> Balances(
      const BalanceFilter&) = 0;
  // All that is, by account and position.
  virtual absl::StatusOr<std::vector<Owed>> OwedTo(AccountId account) = 0;
  // Recomputes every balance from the transfers, and what tasks and payouts
  // moved from what they are. Looks at the transfers after `mark`, and at the
  // tasks and payouts that they belong to; moves it to the end where nothing is
  // wrong.
  virtual absl::StatusOr<LedgerCheck> CheckLedgerFrom(LedgerMark& mark) = 0;
  // Looks at everything.
  absl::StatusOr<LedgerCheck> CheckLedger() {
    LedgerMark mark;
    return CheckLedgerFrom(mark);
  }
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_STORE_H_
