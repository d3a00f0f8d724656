// Which verifier takes which audit, and what is not leased because none can, or
// because they have enough to do.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"

namespace archpool {
namespace {

bool IsVote(const AuditLook& look) {
  return look.kind != LookKind::kInconclusive;
}

absl::Time LastLook(const Audit& audit) {
  absl::Time last = absl::InfinitePast();
  for (const AuditLook& look : audit.looks) last = std::max(last, look.time);
  return last;
}

bool HasVoteOf(const Audit& audit, AccountId account) {
  return std::any_of(audit.looks.begin(), audit.looks.end(),
                     [&](const AuditLook& look) {
                       return IsVote(look) && look.verifier == account;
                     });
}

bool HasLookOf(const Audit& audit, const VerifierKey& key) {
  return std::any_of(audit.looks.begin(), audit.looks.end(),
                     [&](const AuditLook& look) { return KeyOf(look) == key; });
}

// Whether what the verifier itself found keeps it from looking again yet.
bool MustPause(const Audit& audit, const VerifierKey& verifier,
               const PoolPolicy& policy, absl::Time now) {
  return std::any_of(
      audit.looks.begin(), audit.looks.end(), [&](const AuditLook& look) {
        if (KeyOf(look) != verifier) return false;
        const absl::Duration pause = IsVote(look)
                                         ? policy.second_look_term
                                         : PauseAfter(policy, look.count);
        return now < look.time + pause;
      });
}

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

bool Pool::HasFreshVerifier(const Audit& audit, Fresh fresh,
                            absl::Time now) const {
  const std::vector<VerifierKey> working = verifiers_.WorkingFor(
      state_.Find(audit.trial)->hardware_class, policy_, now);
  return std::any_of(
      working.begin(), working.end(), [&](const VerifierKey& key) {
        return !HasLookOf(audit, key) &&
               (fresh == Fresh::kName || !HasVoteOf(audit, key.account));
      });
}

bool Pool::MayTake(const Audit& audit, const VerifierKey& verifier,
                   absl::Time now) const {
  if (audit.looks.empty()) return true;
  const absl::Time others_until = LastLook(audit) + policy_.second_look_max;
  if (!HasLookOf(audit, verifier)) {
    // Another name is another verifier only where there is no other account.
    return now >= others_until || !HasVoteOf(audit, verifier.account) ||
           !HasFreshVerifier(audit, Fresh::kAccount, now);
  }
  if (MustPause(audit, verifier, policy_, now)) return false;
  if (now >= others_until) return true;
  if (HasFreshVerifier(audit, Fresh::kName, now)) return false;
  const auto is_blamer = [&](const AuditLook& look) {
    return KeyOf(look) == verifier && look.kind == LookKind::kBlames;
  };
  const auto is_working_clearer = [&](const AuditLook& look) {
    const VerifierStanding* standing = verifiers_.Find(KeyOf(look));
    return look.kind == LookKind::kClears && standing != nullptr &&
           verifiers_.Works(*standing, policy_, now);
  };
  const auto& looks = audit.looks;
  if (std::none_of(looks.begin(), looks.end(), is_blamer)) return true;
  // Whoever finds against it is not to decide alone where they disagree, nor
  // while others may not have had the time to be heard.
  return now >= verifiers_.grace_until() &&
         std::none_of(looks.begin(), looks.end(), is_working_clearer);
}

AuditId Pool::NextAudit(const AcquireAudit& command, absl::Time now) const {
  const VerifierKey verifier{command.caller, command.verifier_name};
  const VerifierStanding& standing = *verifiers_.Find(verifier);
  if (now < standing.rest_until) return {};
  // The miner that was served longest ago comes first, whoever has more.
  AuditId next;
  std::pair<int64_t, AuditId> place;
  for (const auto& [hardware_class, miners] : state_.waiting_audits()) {
    if (!standing.Serves(hardware_class)) continue;
    if (standing.IsDoubted(policy_)) {
      const std::vector<VerifierKey> trusted =
          verifiers_.WorkingFor(hardware_class, policy_, now);
      const bool is_among =
          std::find(trusted.begin(), trusted.end(), verifier) != trusted.end();
      if (!is_among && !trusted.empty()) continue;
    }
    for (const auto& [miner, waiting] : miners) {
      for (const AuditId id : waiting) {
        const std::pair here(verifiers_.ServedAt(miner), id);
        if (next.IsSet() && place < here) break;
        if (!MayTake(*state_.Find(id), verifier, now)) continue;
        next = id;
        place = here;
        break;
      }
    }
  }
  return next;
}

void Pool::CloseUnverified(const Audit& audit, absl::Time now) {
  Trial trial = *state_.Find(audit.trial);
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
  const bool speaks_against = IsBlamed(audit) || IsTheTrials(audit);
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

absl::Duration Pool::BacklogOf(const std::string& hardware_class,
                               absl::Time now) const {
  const std::vector<VerifierKey> working =
      verifiers_.WorkingFor(hardware_class, policy_, now);
  if (working.empty()) return absl::InfiniteDuration();
  absl::Duration all;
  for (const auto& [one, units] : state_.audit_backlog()) {
    const std::vector<VerifierKey> sharers =
        verifiers_.WorkingFor(one, policy_, now);
    for (const VerifierKey& key : sharers) {
      if (std::find(working.begin(), working.end(), key) == working.end()) {
        continue;
      }
      all += verifiers_.Find(key)->TimeFor(units) / std::ssize(sharers);
    }
  }
  return all / std::ssize(working);
}

std::optional<AcquireLease::Reply> Pool::WhyNotVerifiable(
    const Session& session, absl::Time now) const {
  const TrialId blamed = state_.BlamedOf(session.account);
  if (blamed.IsSet()) {
    return AcquireLease::Reply{
        .grant = {},
        .idle_reason = "BLAME_OPEN",
        .idle_message = absl::StrCat(
            "a verifier found ", blamed.ToString(),
            " of this account false, and another looks before the pool "
            "believes it; no new work until then. Nothing is to be done, but "
            "keep the worker running")};
  }
  if (!policy_.leases_need_verifiers) return std::nullopt;
  const std::string hardware_class = HardwareClassOf(session);
  const absl::Duration backlog = BacklogOf(hardware_class, now);
  if (backlog == absl::InfiniteDuration()) {
    if (now < verifiers_.grace_until()) return std::nullopt;
    absl::btree_set<std::string> served;
    for (const auto& [key, standing] : verifiers_.all()) {
      if (!verifiers_.Works(standing, policy_, now)) continue;
      served.insert(standing.hardware_classes.begin(),
                    standing.hardware_classes.end());
    }
    return AcquireLease::Reply{
        .grant = {},
        .idle_reason = "NO_VERIFIER",
        .idle_message = absl::StrCat(
            "no verifier that works was heard in ",
            absl::FormatDuration(policy_.verifier_term),
            " that computes as this worker does (", hardware_class,
            "), so its work could not be paid. ",
            served.empty()
                ? std::string("The operator starts an archpool-verifier")
                : absl::StrCat("Start the worker with --threads or "
                               "--instruction-set of one of: ",
                               absl::StrJoin(served, ", "),
                               "; or the operator starts such a verifier"))};
  }
  if (backlog > policy_.audit_backlog_max) {
    return AcquireLease::Reply{
        .grant = {},
        .idle_reason = "VERIFIERS_BUSY",
        .idle_message = absl::StrCat(
            "the pool's verifiers have about ",
            absl::FormatDuration(absl::Trunc(backlog, absl::Seconds(1))),
            " of audits before them; work comes again when they have caught "
            "up")};
  }
  return std::nullopt;
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
  ReviewVerifiers::Reply reply;
  absl::btree_set<std::string> classes;
  for (const auto& [hardware_class, miners] : state_.waiting_audits()) {
    classes.insert(hardware_class);
  }
  for (const auto& [hardware_class, units] : state_.audit_backlog()) {
    classes.insert(hardware_class);
  }
  for (const auto& [key, standing] : verifiers_.all()) {
    const bool is_heard = now - standing.heard_time <= policy_.verifier_term;
    if (is_heard) {
      classes.insert(standing.hardware_classes.begin(),
                     standing.hardware_classes.end());
    }
    reply.verifiers.push_back({.key = key,
                               .standing = standing,
                               .is_heard = is_heard,
                               .is_set_aside = standing.IsDoubted(policy_),
                               .is_failing = std::ssize(standing.failed_on) >=
                                             policy_.verifier_failures_max,
                               .audit = state_.AuditOf(key.account, key.name)});
  }
  for (const std::string& name : classes) {
    ReviewVerifiers::Class& one = reply.classes.emplace_back();
    one.name = name;
    one.verifiers = std::ssize(verifiers_.WorkingFor(name, policy_, now));
    const auto units = state_.audit_backlog().find(name);
    if (units != state_.audit_backlog().end()) {
      one.backlog = BacklogOf(name, now);
    }
    const auto found = state_.waiting_audits().find(name);
    if (found == state_.waiting_audits().end()) continue;
    for (const auto& [miner, waiting] : found->second) {
      one.waiting += std::ssize(waiting);
      for (const AuditId id : waiting) {
        one.oldest = std::max(one.oldest, now - state_.Find(id)->wait_time);
      }
    }
  }
  return reply;
}

}  // namespace archpool
