// What becomes of audits that no verifier decides, and what operators ask.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"
#include "server/core/rules/audit_cost.h"

namespace archpool {
namespace {

// Of an account's trials in a row that no verifier decided, so many are paid;
// counted over every run of a block's length that the trial lies in.
bool IsUnderCap(const PoolState& state, const PoolPolicy& policy,
                const Trial& trial) {
  const auto& all = state.IndexOf(trial.task).immature;
  const auto block = all.find(trial.account);
  if (block == all.end()) return false;
  int64_t unverified = 0;
  const auto here = block->second.find({trial.commit_time, trial.id});
  const auto count = [&](TrialId id) {
    const bool is_one = state.Find(id)->basis == TrialBasis::kUnverified;
    unverified += is_one ? 1 : 0;
  };
  auto next = here;
  for (int64_t i = 1; i < policy.credit_block; ++i) {
    if (next == block->second.begin()) break;
    count((--next)->second);
  }
  next = here;
  for (int64_t i = 1; i < policy.credit_block; ++i) {
    if (next == block->second.end() || ++next == block->second.end()) break;
    count(next->second);
  }
  return unverified < policy.unverified_per_block_max;
}

// Its audits have passed until hardly any are drawn.
bool IsProven(const PoolPolicy& policy, const Account& account) {
  return account.audit_rate_ppm < 1'000'000 &&
         account.audit_rate_ppm <= policy.audit_floor_ppm &&
         account.rejections_in_a_row == 0;
}

}  // namespace

namespace internal {

void AwaitVerifiers(const PoolState& state, const PoolPolicy& policy,
                    Audit& audit, absl::Time now) {
  const TaskSpec& spec = *state.Find(audit.task)->spec;
  const DatasetManifest& manifest = state.FindDataset(spec.dataset)->manifest;
  audit.state = AuditState::kWaiting;
  audit.expire_time = absl::InfiniteFuture();
  audit.wait_time = now;
  audit.decide_time =
      now + policy.audit_wait_term +
      ExaminationTime(
          policy, CostOf(spec, manifest, *state.Find(audit.trial), audit.kind));
}

}  // namespace internal

void Pool::CloseUnverified(const Audit& audit, absl::Time now) {
  Trial trial = *state_.Find(audit.trial);
  if (IsCleared(audit)) {
    // The second look that it was drawn for never came.
    AcceptSeen(std::move(trial), IsClearedWhole(audit), now);
    return;
  }
  if (trial.state == TrialState::kAccepted &&
      trial.basis >= TrialBasis::kAudited) {
    // Seen and paid; but what was not replayed whole does not win.
    internal::CloseAudit(state_, trial.id);
    trial.is_barred = true;
    const TaskId task = trial.task;
    state_.Put(trial);
    internal::SettleIfDone(state_, policy_, task, now);
    return;
  }
  const bool speaks_against = IsBlamed(audit) || Desk().IsTheTrials(audit);
  if (policy_.pays_unverified && !speaks_against &&
      IsProven(policy_, *state_.Find(trial.account)) &&
      IsUnderCap(state_, policy_, trial)) {
    internal::AcceptTrial(state_, policy_, std::move(trial),
                          TrialBasis::kUnverified, now);
  } else {
    internal::RejectTrial(state_, policy_, std::move(trial), "UNVERIFIED",
                          internal::Fault::kNone, now);
  }
}

absl::StatusOr<VoidTrial::Reply> Pool::Execute(const VoidTrial& command,
                                               absl::Time now) {
  const Trial* trial = state_.Find(command.trial);
  if (trial == nullptr || trial->known_from.IsSet()) {
    return NotFound(
        "TRIAL_UNKNOWN",
        absl::StrCat(command.trial.ToString(),
                     " is no trial of an open task; what was paid when a task "
                     "ended stays"));
  }
  if (trial->state == TrialState::kRejected) return VoidTrial::Reply();
  if (!IsPending(trial->state) && trial->state != TrialState::kAccepted) {
    return FailedPrecondition(
        "TRIAL_NOT_COMMITTED",
        absl::StrCat(command.trial.ToString(), " is ", ToString(trial->state),
                     "; only what was committed can be voided"));
  }
  internal::RejectTrial(state_, policy_, *trial, "VOIDED_BY_OPERATOR",
                        internal::Fault::kNone, now);
  return VoidTrial::Reply();
}

absl::StatusOr<ReviewVerifiers::Reply> Pool::Execute(const ReviewVerifiers&,
                                                     absl::Time now) {
  return Desk().Review(now);
}

}  // namespace archpool
