#include "server/core/pool.h"

#include <utility>
#include <vector>

#include "server/core/pool_internal.h"

namespace archpool {

Pool::Pool(const PoolPolicy& policy, const PoolSnapshot& snapshot,
           const ExpiryHold& hold, VerifierBook verifiers)
    : policy_(policy),
      state_(policy.high_reward_share_ppm),
      expiry_hold_(hold),
      verifiers_(std::move(verifiers)),
      shares_(policy.equal_share_ppm) {
  state_.Load(snapshot);
}

absl::StatusOr<Tick::Reply> Pool::Execute(const Tick&, absl::Time now) {
  if (state_.last_ids().receipt == 0) internal::BeginReceipts(state_);
  if (now - expiry_hold_.last_tick > policy_.silence_term) {
    expiry_hold_.held_until = now + policy_.silence_term;
    verifiers_.GiveGrace(now + policy_.verifier_term);
  }
  expiry_hold_.last_tick = now;
  using Kind = PoolState::Due::Kind;
  std::vector<PoolState::Due> due;
  for (const PoolState::Due& next : state_.due()) {
    if (next.time > now) break;
    // A client's time limit is a promise to the client; the others bind those
    // whom an outage may have kept from answering.
    if (next.kind != Kind::kTask && now < expiry_hold_.held_until) continue;
    due.push_back(next);
    if (static_cast<int64_t>(due.size()) == policy_.closings_per_tick_max) {
      break;
    }
  }
  for (const PoolState::Due& next : due) Close(next, now);
  return Tick::Reply{static_cast<int64_t>(due.size()) ==
                     policy_.closings_per_tick_max};
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
      CloseUnanswered(*state_.Find(TrialId{due.id}), now);
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

void Pool::CloseUnanswered(const Trial& trial, absl::Time now) {
  // Whoever could choose which audits to answer would choose.
  if (state_.AuditOf(trial.id).IsSet()) {
    internal::RejectTrial(state_, policy_, trial, "AUDIT_UNANSWERED",
                          internal::Fault::kFraud, now);
  } else {
    internal::RejectTrial(state_, policy_, trial, "WEIGHTS_MISSING",
                          internal::Fault::kMiner, now);
  }
}

}  // namespace archpool
