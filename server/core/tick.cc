// SPDX-License-Identifier: Apache-2.0
#include "server/core/tick.h"

#include <algorithm>
#include <vector>

#include "server/core/away.h"
#include "server/core/money/money.h"
#include "server/core/proof/proof.h"
#include "server/core/reactions.h"
#include "server/core/settle.h"
#include "server/core/state/queries.h"
#include "server/core/tasks/tasks.h"
#include "server/core/work/work.h"

namespace archpool {
namespace {

// Records of ended tasks that one tick frees.
constexpr int64_t kForgottenPerTick = 10'000;

void Close(Step& step, const Due& due) {
  // An earlier closing of the same tick may have closed this one too.
  if (!step.state.due().all().contains(due)) return;
  switch (due.kind) {
    case Due::Kind::kTask:
      tasks::BeginFinishing(step, TaskId{due.id}, EndReason::kTimeLimit);
      break;
    case Due::Kind::kLease:
      work::CloseSilent(step, *step.state.Find(LeaseId{due.id}));
      break;
    case Due::Kind::kCheck:
      work::CheckProgress(step, *step.state.Find(LeaseId{due.id}));
      break;
    case Due::Kind::kUpload:
      proof::CloseUpload(step, *step.state.Find(TrialId{due.id}));
      break;
    case Due::Kind::kAudit:
      proof::CloseAudit(step, *step.state.Find(AuditId{due.id}));
      break;
  }
}

}  // namespace

absl::StatusOr<Tick::Reply> Execute(Step& step, const Tick& command) {
  NoteTime(step);
  if (step.state.pool_clock().InMaintenance()) return Tick::Reply();
  if (step.state.pool_clock().IsAdding()) return Tick::Reply{.more = true};
  using Kind = Due::Kind;
  std::vector<Due> due;
  for (const Due& next : step.state.due().all()) {
    if (next.time > std::min(step.now, command.closes_until)) break;
    // A worker that an outage kept from answering needs a while to come back. A
    // client's time limit asks for no answer.
    if (next.kind != Kind::kTask &&
        step.now < step.memory.expiry_hold.held_until)
      continue;
    due.push_back(next);
    if (static_cast<int64_t>(due.size()) == step.policy.closings_per_tick_max) {
      break;
    }
  }
  for (const Due& next : due) {
    Close(step, next);
    React(step);
  }
  money::TakeUpAddresses(step);
  const bool has_judged = work::EndSomeLeases(step) || proof::JudgeSome(step);
  React(step);
  const std::vector<TaskId> ready = ReadyToSettle(step.state);
  if (!ready.empty() && !has_judged) {
    SettleStep(step, ready.front());
  }
  step.state.ForgetSome(kForgottenPerTick);
  return Tick::Reply{.more = static_cast<int64_t>(due.size()) ==
                             step.policy.closings_per_tick_max,
                     .settles = !step.state.accounts().judged().empty() ||
                                work::HasLeasesToEnd(step) ||
                                !ReadyToSettle(step.state).empty()};
}

}  // namespace archpool
