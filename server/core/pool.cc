#include "server/core/pool.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/core/pool_internal.h"

namespace archpool {
namespace {

// Records of ended tasks that one tick frees.
constexpr int64_t kForgottenPerTick = 10'000;

}  // namespace

Pool::Pool(const PoolPolicy& policy, const PoolSnapshot& snapshot,
           const ExpiryHold& hold, VerifierBook verifiers)
    : policy_(policy),
      state_(policy.high_reward_share_ppm),
      expiry_hold_(hold),
      verifiers_(std::move(verifiers)),
      shares_(policy.equal_share_ppm) {
  state_.Load(snapshot);
  verifiers_.Restore(state_.verifiers());
}

absl::StatusOr<Tick::Reply> Pool::Execute(const Tick& command, absl::Time now) {
  if (state_.last_ids().receipt == 0) internal::BeginReceipts(state_);
  NoteTime(now);
  if (state_.pool_clock().InMaintenance()) return Tick::Reply();
  using Kind = PoolState::Due::Kind;
  std::vector<PoolState::Due> due;
  for (const PoolState::Due& next : state_.due()) {
    if (next.time > std::min(now, command.closes_until)) break;
    // Whoever an outage kept from answering needs a while to come back. A
    // client's time limit asks for no answer.
    if (next.kind != Kind::kTask && now < expiry_hold_.held_until) continue;
    due.push_back(next);
    if (static_cast<int64_t>(due.size()) == policy_.closings_per_tick_max) {
      break;
    }
  }
  for (const PoolState::Due& next : due) Close(next, now);
  const std::vector<TaskId> ready = ReadyToSettle(state_);
  if (!ready.empty()) {
    internal::SettleStep(state_, policy_, ready.front(), now);
  }
  state_.ForgetSome(kForgottenPerTick);
  return Tick::Reply{
      .more = static_cast<int64_t>(due.size()) == policy_.closings_per_tick_max,
      .settles = !ReadyToSettle(state_).empty()};
}

void Pool::Close(const PoolState::Due& due, absl::Time now) {
  // An earlier closing of the same tick may have closed this one too.
  if (!state_.due().contains(due)) return;
  switch (due.kind) {
    case PoolState::Due::Kind::kTask:
      internal::BeginFinishing(state_, policy_, TaskId{due.id},
                               EndReason::kTimeLimit, now);
      break;
    case PoolState::Due::Kind::kLease:
      CloseSilent(*state_.Find(LeaseId{due.id}), now);
      break;
    case PoolState::Due::Kind::kCheck:
      CheckProgress(*state_.Find(LeaseId{due.id}), now);
      break;
    case PoolState::Due::Kind::kUpload:
      CloseUpload(*state_.Find(TrialId{due.id}), now);
      break;
    case PoolState::Due::Kind::kAudit: {
      const Audit& audit = *state_.Find(AuditId{due.id});
      if (audit.state == AuditState::kAsked) {
        CloseUnanswered(*state_.Find(audit.trial), now);
      } else if (audit.state == AuditState::kWaiting) {
        CloseUnverified(audit, now);
      } else {
        // Held against the verifier, which is gone, and not against the trial.
        verifiers_.NoteFailure(policy_, {audit.verifier, audit.verifier_name},
                               state_.Find(audit.trial)->account, now);
        ReturnAudit(audit);
      }
      break;
    }
  }
}

void Pool::CloseUpload(Trial trial, absl::Time now) {
  const Audit* audit = state_.Find(state_.AuditOf(trial.id));
  if (audit == nullptr || audit->expire_time <= now) {
    return CloseUnanswered(trial, now);
  }
  // The weights are a part of the answer, which may have been given more time.
  trial.upload_deadline = audit->expire_time;
  state_.Put(trial);
}

void Pool::CloseUnanswered(const Trial& trial, absl::Time now) {
  const Audit* audit = state_.Find(state_.AuditOf(trial.id));
  if (audit != nullptr && audit->refused_time >= policy_.refused_time_max) {
    // Whose files were refused all the while cannot be told from who had none.
    internal::RejectTrial(state_, policy_, trial, "FILES_REFUSED",
                          internal::Fault::kNone, now);
  } else if (audit != nullptr) {
    // Whoever could choose which audits to answer would choose.
    internal::RejectTrial(state_, policy_, trial, "AUDIT_UNANSWERED",
                          internal::Fault::kFraud, now);
  } else {
    internal::RejectTrial(state_, policy_, trial, "WEIGHTS_MISSING",
                          internal::Fault::kMiner, now);
  }
}

}  // namespace archpool
