// An independent oracle: it watches the events that a pool emits, keeps its own
// books from them alone, and says what is wrong. It shares no logic with the
// core: only the records.
#ifndef ARCHPOOL_SIMULATOR_AUDITOR_H_
#define ARCHPOOL_SIMULATOR_AUDITOR_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/core/entities.h"
#include "server/core/pool_state.h"

namespace archpool {

class Auditor {
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
  void Note(const Trial& trial);
  void Note(const Audit& audit);
  void Note(const Ranking& ranking);
  void Note(const Transfer& transfer);
  void Note(const Balance& balance);
  void CheckBooks();
  void CheckTask(const Task& task);
  void CheckBoxes(const Task& task);
  void CheckCuts();
  void CheckLeases();
  LeaseId PrimaryOf(LeaseId id) const;  // itself where it is one
  void Complain(std::string violation);

  // A box as it was before the commit at hand cut it.
  struct Cut {
    TaskId task;
    Subspace before;
  };

  std::vector<std::string> violations_;
  std::vector<Cut> cuts_;
  std::set<SubspaceId> pieces_;  // what that commit made, or made smaller
  std::map<AccountId, Account> accounts_;
  std::map<Digest, DatasetRecord> datasets_;
  std::map<TaskId, Task> tasks_;
  std::map<SubspaceId, SubspaceRecord> subspaces_;
  std::map<SessionId, Session> sessions_;
  std::map<LeaseId, Lease> leases_;
  std::map<TrialId, Trial> trials_;
  std::map<AuditId, Audit> audits_;
  std::map<TaskId, Ranking> rankings_;
  std::map<TransferId, Transfer> transfers_;
  std::map<Place, Amount> balances_;  // as the core says
  std::map<Place, Amount> booked_;    // as the transfers say
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_AUDITOR_H_
