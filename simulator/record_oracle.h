// SPDX-License-Identifier: Apache-2.0
// An independent oracle: it watches the events that a pool emits, keeps its own
// books from them alone, and says what is wrong. It shares no logic with the
// core: only the records.
#ifndef ARCHPOOL_SIMULATOR_RECORD_ORACLE_H_
#define ARCHPOOL_SIMULATOR_RECORD_ORACLE_H_

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/core/records/entities.h"
#include "server/core/records/keys.h"
#include "server/core/state/pool_state.h"
#include "simulator/state_oracle.h"

namespace archpool {

class RecordOracle {
 public:
  // Takes the events of one commit; returns what they violate, one sentence
  // each.
  std::vector<std::string> Watch(absl::Span<const Event> events);

  // The two halves of Watch: what each event says against those before it, and
  // the books as a whole (which takes as long as there are records).
  std::vector<std::string> Take(absl::Span<const Event> events);
  std::vector<std::string> CheckAll();

  // What a store would load now: the records of everything that has not ended.
  PoolSnapshot Snapshot() const;

 private:
  void Note(const Account& account);
  void Note(const DatasetRecord& dataset);
  void Note(const Task& task);
  void Note(const SubspaceRecord& subspace);
  void Note(const Session& session);
  void Note(const Lease& lease);
  void CheckRung(const Trial& trial);
  void CheckMaturity(const Trial& trial);
  void Note(const Trial& trial);
  void Note(const Audit& audit);
  void Note(const Ranking& ranking);
  void Note(const Payout& payout);
  void CheckPayouts();
  void Note(const Owed& owed);
  void Note(const PoolClock& clock);
  void Note(const VerifierRecord& verifier);
  void Note(const Receipt& receipt);
  void Note(const StoredWeights&) {}  // no start loads it
  void Note(const SummaryRecord& summary);
  // Plain records that nothing more is expected of.
  template <typename Record>
  void Note(const Record& record) {
    plain_.Put(record);
    if constexpr (Numbered<Record>) {
      int64_t& last = last_ids_.Of(record.id);
      last = std::max(last, record.id.value);
    }
  }
  void CheckOwed();
  void CheckReceipts();
  void Note(const Transfer& transfer);
  void Note(const Balance& balance);
  void CheckBooks();
  void CheckTask(const Task& task);
  void CheckProof(const Task& task, const Trial& trial);
  void CheckBoxes(const Task& task);
  void CheckCuts();
  void CheckLeases();
  void Forget(TaskId task);
  // `last` is the greatest id so far.
  template <typename Id>
  void CheckNew(Id id, int64_t& last) {
    if (id.value <= last) Complain(absl::StrCat(id.ToString(), " comes back"));
    last = std::max(last, id.value);
  }
  // Against what `known` has of it.
  template <typename Known, typename Record>
  void CheckState(const Known& known, const Record& record) {
    const auto found = known.find(record.id);
    const std::string wrong =
        WhatIsWrong(found == known.end() ? nullptr : &found->second, record);
    if (!wrong.empty()) Complain(wrong);
  }
  LeaseId PrimaryOf(LeaseId id) const;  // itself where it is one
  void Complain(std::string violation);

  // A box as it was before the commit at hand cut it.
  struct Cut {
    TaskId task;
    Subspace before;
  };

  std::vector<std::string> violations_;
  // But of accounts, tasks, sessions and transfers, which are all kept.
  LastIds last_ids_;
  std::set<TaskId> forgotten_;
  std::set<TrialId> late_;  // committed after they were given up
  // The open audits that were due while their miner's account was away.
  std::set<std::pair<AccountId, AuditId>> away_;
  std::vector<Cut> cuts_;
  std::set<SubspaceId> pieces_;  // what that commit made, or made smaller
  absl::btree_map<AccountId, Account> accounts_;
  absl::btree_map<Digest, DatasetRecord> datasets_;
  absl::btree_map<TaskId, Task> tasks_;
  absl::btree_map<SubspaceId, SubspaceRecord> subspaces_;
  absl::btree_map<SessionId, Session> sessions_;
  absl::btree_map<LeaseId, Lease> leases_;
  absl::btree_map<TrialId, Trial> trials_;
  absl::btree_map<AuditId, Audit> audits_;
  absl::btree_map<TaskId, Ranking> rankings_;
  absl::btree_map<PayoutId, Payout> payouts_;
  absl::btree_map<TransferId, Transfer> transfers_;
  absl::btree_map<std::pair<AccountId, int64_t>, Owed> owed_;
  RecordMaps<PlainRecords> plain_;
  absl::btree_map<Place, Amount> receipted_;  // as the receipts say
  absl::btree_map<Place, Amount> balances_;   // as the core says
  absl::btree_map<Place, Amount> booked_;     // as the transfers say
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_RECORD_ORACLE_H_
