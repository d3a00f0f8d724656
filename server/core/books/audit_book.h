// SPDX-License-Identifier: Apache-2.0
// The open audits: who examines them, whose answers and which verifiers they
// wait for, and what they will cost.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_AUDIT_BOOK_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_AUDIT_BOOK_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "common/model/dataset_manifest.h"
#include "common/model/task_spec.h"
#include "server/core/books/maps.h"
#include "server/core/leaves/waiting_audits.h"
#include "server/core/records/entities.h"

namespace archpool {

// Value type; thread-compatible. Pointers hold until the next Put.
class AuditBook {
 public:
  // One that is done is forgotten. The trial is the audit's, as it was when the
  // audit was put last; the spec and the manifest are its task's.
  void Put(const Audit& audit, const Trial& trial, const TaskSpec& spec,
           const DatasetManifest& manifest);

  const Audit* Find(AuditId id) const;  // nullptr where there is none
  const absl::btree_map<AuditId, Audit>& all() const { return audits_; }
  AuditId Of(TrialId trial) const;  // unset where there is none
  // The one that the verifier has, or an unset id.
  AuditId HeldBy(AccountId account, const std::string& verifier) const;
  // Those that verifiers of the account have, by their names.
  std::vector<AuditId> HeldBy(AccountId account) const;
  // Those that wait for the miner's answer; and what they ask of a worker.
  const absl::btree_set<AuditId>& AskedOf(AccountId miner) const;
  AskedLoad AskedOf(SessionId session) const;
  // The same of what the account committed as one of its workers; and as which
  // it committed what it is asked for, whether they are still there or not.
  const absl::btree_set<AuditId>& AskedIn(AccountId miner,
                                          SessionId session) const;
  std::vector<SessionId> SessionsAsked(AccountId miner) const;
  // Those that were due while their miner's account was away, and are neither
  // answered nor decided: by account, and of one.
  const SetMap<AccountId, AuditId>& away() const { return away_; }
  const absl::btree_set<AuditId>& AwayOf(AccountId miner) const;
  // How many of the task's trials await such an answer before their verdict,
  // with nothing heard of their accounts since.
  int64_t AwayIn(TaskId task) const;
  // The account's trial that somebody found false and nobody has decided;
  // unset: none.
  TrialId BlamedOf(AccountId miner) const;
  // What the disk holds of checkpoints that were asked of the miner.
  int64_t CheckpointBytesOf(AccountId miner) const;
  // Those that wait for a verifier.
  const WaitingAudits& waiting() const { return waiting_; }
  // What verifiers are to take next hangs on it, and no record does.
  void SetTurn(AccountId miner, int64_t turn) { waiting_.SetTurn(miner, turn); }
  void ForgetTurns() { waiting_.ForgetTurns(); }
  // What examining all of them costs.
  WorkUnits backlog() const { return backlog_; }

 private:
  void CountBacklog(const Audit* before, const Audit& audit, const Trial& trial,
                    const TaskSpec& spec, const DatasetManifest& manifest);
  void CountAsked(const Audit* before, const Audit& audit, const Trial& trial);
  void CountCheckpoint(const Audit* before, const Audit& audit,
                       AccountId miner);
  void CountAway(const Audit* before, const Audit& audit, const Trial& trial);

  absl::btree_map<AuditId, Audit> audits_;
  absl::btree_map<TrialId, AuditId> by_trial_;
  absl::btree_map<std::pair<AccountId, std::string>, AuditId> by_verifier_;
  SetMap<AccountId, AuditId> asked_;
  SetMap<std::pair<AccountId, SessionId>, AuditId> asked_in_;
  absl::btree_map<SessionId, AskedLoad> asked_loads_;
  SetMap<AccountId, TrialId> blamed_;
  absl::btree_map<AccountId, int64_t> checkpoint_bytes_;  // none is 0
  SetMap<AccountId, AuditId> away_;
  absl::btree_map<TaskId, int64_t> away_in_;
  WaitingAudits waiting_;
  WorkUnits backlog_ = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_AUDIT_BOOK_H_
