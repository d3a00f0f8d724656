// SPDX-License-Identifier: Apache-2.0
// The machine on one screen: who reacts to which fact, and in which order. It
// comes to an end because tasks, leases and audits move to their ends alone,
// and a fact about what is over by now brings about nothing.
#include "server/core/reactions.h"

#include <set>
#include <utility>
#include <variant>

#include "server/core/proof/proof.h"
#include "server/core/settle.h"
#include "server/core/tasks/tasks.h"
#include "server/core/work/work.h"

namespace archpool {
namespace {

class Reactions {
 public:
  explicit Reactions(Step& step) : step_(step) {}

  // What a fact brings about is done, with all that follows from it, before the
  // next fact.
  void ToAll() {
    if (step_.facts.empty()) return;
    const Facts stated = std::exchange(step_.facts, {});
    for (const Fact& fact : stated) {
      std::visit(*this, fact);
      ToAll();
    }
  }

  void operator()(const TrialCommitted& fact) {
    const Trial* trial = step_.state.Find(fact.trial);
    if (trial == nullptr || trial->state != TrialState::kCommitted) return;
    proof::Draw(step_, *trial, fact.measures_all);
  }
  void operator()(const TrialAccepted& fact) {
    perhaps_done_.insert(fact.task);
    if (!IsActive(fact.task)) return;
    proof::AskPromotable(step_, fact.task);
    tasks::EndIfMet(step_, fact.trial);
    GiveUpLastAway(fact.task);
  }
  void operator()(const TrialRejected& fact) {
    perhaps_done_.insert(fact.task);
    GiveUpLastAway(fact.task);
  }
  void operator()(const MinerConvicted& fact) {
    work::Revoke(step_, fact.lease);
  }
  void operator()(const AccountSuspended& fact) {
    work::RevokeAllOf(step_, fact.account);
  }
  void operator()(const AuditClosed& fact) { perhaps_done_.insert(fact.task); }
  void operator()(const LeaseEnded& fact) {
    perhaps_done_.insert(fact.task);
    GiveUpLastAway(fact.task);
  }
  void operator()(const NothingLeft& fact) {
    tasks::BeginFinishing(step_, fact.task, fact.reason);
  }
  void operator()(const TaskFinishing& fact) {
    if (step_.state.Find(fact.task) == nullptr) return;
    proof::EndWaits(step_, fact.task);
    work::GiveUpUnbegun(step_, fact.task);
  }
  void operator()(const UnbegunGivenUp& fact) {
    if (step_.state.Find(fact.task) == nullptr) return;
    proof::AskShortBlocks(step_, fact.task);
    perhaps_done_.insert(fact.task);
  }
  void operator()(const AccountReturned& fact) {
    proof::NoteReturn(step_, fact.account);
  }
  void operator()(const AbsenceEnded& fact) {
    proof::MatureAfterAbsence(step_, fact.account);
  }
  void operator()(const AbsenceHoldsUp& fact) {
    if (IsActive(fact.task)) proof::GiveUpAway(step_, fact.task);
  }

  // Finishing tasks that wait for nothing any more, by id: a task that begins
  // to finish has asked by now for what it still needs.
  void Settle() {
    int64_t trials_left = step_.policy.settle_trials_max;
    for (const TaskId task : perhaps_done_) {
      SettleIfDone(step_, task, trials_left);
    }
  }

 private:
  bool IsActive(TaskId id) const {
    const Task* task = step_.state.Find(id);
    return task != nullptr && task->state == TaskState::kActive;
  }
  void GiveUpLastAway(TaskId id) {
    if (IsActive(id)) proof::GiveUpLastAway(step_, id);
  }

  Step& step_;
  std::set<TaskId> perhaps_done_;
};

}  // namespace

void React(Step& step) {
  Reactions reactions(step);
  reactions.ToAll();
  reactions.Settle();
}

}  // namespace archpool
