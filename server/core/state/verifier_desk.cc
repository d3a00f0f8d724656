// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/verifier_desk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/core/rules/network_setup.h"
#include "server/core/state/queries.h"

namespace archpool {
namespace {

// Audits whose trainings are planned for one that asks, to see whether it has
// the memory: what comes after them is left to others.
constexpr int kPlansMax = 64;

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

// Whether verifiers that were there before a start may still be heard. An
// operator that is its own miner has no others.
bool MayOthersCome(const VerifierBook& verifiers, const PoolPolicy& policy,
                   absl::Time now) {
  return policy.own_miners_ppm == 0 && now < verifiers.grace_until();
}

// It is not decided by policy before `time`.
void Extend(Audit& audit, absl::Time time) {
  if (audit.decide_time) audit.decide_time = std::max(*audit.decide_time, time);
}

}  // namespace

AuditCost VerifierDesk::CostOfAudit(const Audit& audit) const {
  return CostOf(*state_.Find(audit.task)->spec, ManifestOf(state_, audit.task),
                *state_.Find(audit.trial), audit.kind);
}

absl::Time VerifierDesk::EndOf(const Audit& audit) const {
  // Rows of before there was that time lack it: their leases are over.
  return audit.lease_time.value_or(absl::InfinitePast()) + policy_.audit_term +
         ExaminationTime(policy_, CostOfAudit(audit));
}

bool VerifierDesk::HasFreshVerifier(const Audit& audit, Fresh fresh,
                                    absl::Time now) const {
  const std::vector<VerifierKey> working = verifiers_.Working(policy_, now);
  return std::any_of(
      working.begin(), working.end(), [&](const VerifierKey& key) {
        return !HasLookOf(audit, key) &&
               (fresh == Fresh::kName || !HasVoteOf(audit, key.account)) &&
               Holds(*verifiers_.Find(key), audit);
      });
}

bool VerifierDesk::Holds(const VerifierStanding& verifier,
                         const Audit& audit) const {
  // Whatever was given out fits into the pool's bound.
  const int64_t memory_bytes = verifier.MemoryBytes(policy_);
  if (memory_bytes >= policy_.memory_max_bytes) return true;
  return SizeOf(state_, *state_.Find(audit.trial)).memory_bytes <=
         MemoryForTraining(ManifestOf(state_, audit.task), memory_bytes);
}

bool VerifierDesk::MayTake(const Audit& audit, const VerifierKey& verifier,
                           absl::Time now) const {
  if (audit.looks.empty()) return true;
  const absl::Time others_until = LastLook(audit) + policy_.second_look_max;
  if (!HasLookOf(audit, verifier)) {
    // Another name is another verifier only where there is no other account.
    return now >= others_until || !HasVoteOf(audit, verifier.account) ||
           !HasFreshVerifier(audit, Fresh::kAccount, now);
  }
  if (MustPause(audit, verifier, policy_, now)) return false;
  const auto accusation = std::find_if(
      audit.looks.begin(), audit.looks.end(), [&](const AuditLook& look) {
        return KeyOf(look) == verifier && look.kind == LookKind::kBlames;
      });
  const bool has_blamed = accusation != audit.looks.end();
  // What it found twice it would find again, unless it finds others true.
  if (has_blamed && accusation->count >= 2 &&
      !verifiers_.HasClearedSince(verifier, accusation->first_time)) {
    return false;
  }
  if (now >= others_until) return true;
  if (HasFreshVerifier(audit, Fresh::kName, now)) return false;
  const auto is_working_clearer = [&](const AuditLook& look) {
    const VerifierStanding* standing = verifiers_.Find(KeyOf(look));
    return look.kind == LookKind::kClears && standing != nullptr &&
           verifiers_.Works(*standing, policy_, now);
  };
  const auto& looks = audit.looks;
  if (!has_blamed) return true;
  // A verifier that finds against it is not to decide alone where they
  // disagree, nor while others may not have had the time to be heard.
  return !MayOthersCome(verifiers_, policy_, now) &&
         std::none_of(looks.begin(), looks.end(), is_working_clearer);
}

AuditId VerifierDesk::NextAudit(const AcquireAudit& command,
                                absl::Time now) const {
  const VerifierKey verifier{command.caller, command.verifier_name};
  const VerifierStanding& standing = *verifiers_.Find(verifier);
  if (now < standing.rest_until) return {};
  bool is_for_others = false;
  if (standing.IsDoubted(policy_)) {
    const std::vector<VerifierKey> trusted = verifiers_.Working(policy_, now);
    is_for_others =
        !trusted.empty() &&
        std::find(trusted.begin(), trusted.end(), verifier) == trusted.end();
  }
  const bool is_small =
      standing.MemoryBytes(policy_) < policy_.memory_max_bytes;
  int plans_left = kPlansMax;
  return state_.audits().waiting().First([&](AuditId id) {
    const Audit& audit = *state_.Find(id);
    // The verifier that it is left to may hold on to it and come to nothing.
    const bool is_left =
        is_for_others && now < *audit.wait_time + policy_.second_look_max;
    if (is_left || !MayTake(audit, verifier, now)) return false;
    return !is_small || (--plans_left >= 0 && Holds(standing, audit));
  });
}

void VerifierDesk::MakeWhole(Audit& audit, absl::Time now) const {
  if (audit.kind == AuditKind::kWhole) return;
  audit.kind = AuditKind::kWhole;
  Extend(audit, now + ExaminationTime(policy_, CostOfAudit(audit)));
}

void VerifierDesk::WaitForAnother(Audit& audit, absl::Time now) const {
  Audit whole = audit;
  MakeWhole(whole, now);
  Extend(audit, now + policy_.second_look_max +
                    ExaminationTime(policy_, CostOfAudit(whole)));
}

std::optional<absl::Time> VerifierDesk::PutOff(const Audit& audit,
                                               absl::Time now) const {
  // That somebody looked and could not tell may be all that can be learnt.
  if (!audit.looks.empty()) return std::nullopt;
  const absl::Time latest = *audit.wait_time + kAuditWaitMax +
                            ExaminationTime(policy_, CostOfAudit(audit));
  if (now >= latest) return std::nullopt;
  if (!HasFreshVerifier(audit, Fresh::kName, now)) {
    // After a start they may not have had the time to be heard.
    if (now >= verifiers_.grace_until()) return std::nullopt;
    return std::min(latest, verifiers_.grace_until());
  }
  return std::min(latest,
                  now + std::max(policy_.audit_wait_term, Backlog(now)));
}

VerifierDesk::Vote VerifierDesk::CountVotes(const Audit& audit, LookKind latest,
                                            absl::Time now) const {
  const int64_t blames = CountOf(audit, LookKind::kBlames);
  const int64_t clears = CountOf(audit, LookKind::kClears);
  if (latest == LookKind::kClears) {
    // A recomputation that led there cannot have done so by a fault.
    const bool is_true = blames == 0 || audit.kind == AuditKind::kWhole ||
                         (clears >= 2 && clears > blames);
    return is_true ? Vote::kTrue : Vote::kOpen;
  }
  if (blames >= 2 && blames > clears) return Vote::kFalse;
  const auto mine = std::find_if(
      audit.looks.begin(), audit.looks.end(), [&](const AuditLook& one) {
        return KeyOf(one) == HolderOf(audit) && IsVote(one);
      });
  if (mine->count < 2 || MayOthersCome(verifiers_, policy_, now) ||
      HasFreshVerifier(audit, Fresh::kName, now)) {
    return Vote::kOpen;
  }
  // Whichever of the operator's own machines is wrong, the result is in doubt;
  // and there may be nothing else that the verifier could find true.
  if (policy_.own_miners_ppm == 0 &&
      !verifiers_.HasClearedSince(HolderOf(audit), mine->first_time)) {
    return Vote::kOpen;
  }
  // Nobody else is there, it has computed the whole training, and what it finds
  // false it does not find of everything.
  return clears == 0 ? Vote::kFalse : Vote::kDoubt;
}

absl::Duration VerifierDesk::Backlog(absl::Time now) const {
  const std::vector<VerifierKey> working = verifiers_.Working(policy_, now);
  if (working.empty()) return absl::InfiniteDuration();
  // Each does its share, and they work side by side.
  absl::Duration all;
  for (const VerifierKey& key : working) {
    all += verifiers_.Find(key)->TimeFor(state_.audits().backlog()) /
           std::ssize(working);
  }
  return all / std::ssize(working);
}

std::optional<AcquireLease::Reply> VerifierDesk::WhyNotVerifiable(
    AccountId miner, absl::Time now) const {
  const TrialId blamed = state_.audits().BlamedOf(miner);
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
  const auto& away = state_.audits().AwayOf(miner);
  const int64_t owed = std::count_if(away.begin(), away.end(), [&](AuditId id) {
    return state_.Find(id)->state == AuditState::kAsked;
  });
  if (owed > 0) {
    return AcquireLease::Reply{
        .grant = {},
        .idle_reason = "ANSWER_OWED",
        .idle_message = absl::StrCat(
            "this account was away when ", owed,
            owed == 1 ? " audit was" : " audits were",
            " due, and the pool waited; new work comes once they are answered. "
            "Nothing is to be done, but keep the worker running: it answers by "
            "itself")};
  }
  if (!policy_.leases_need_verifiers) return std::nullopt;
  const absl::Duration backlog = Backlog(now);
  if (backlog == absl::InfiniteDuration()) {
    if (now < verifiers_.grace_until()) return std::nullopt;
    return AcquireLease::Reply{
        .grant = {},
        .idle_reason = "NO_VERIFIER",
        .idle_message =
            absl::StrCat("no verifier that works was heard in ",
                         absl::FormatDuration(policy_.verifier_term),
                         ", so this work could not be paid; the operator "
                         "starts an archpool-verifier")};
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

ReviewVerifiers::Reply VerifierDesk::Review(absl::Time now) const {
  ReviewVerifiers::Reply reply{
      .working = std::ssize(verifiers_.Working(policy_, now)),
      .backlog = Backlog(now)};
  for (const auto& [key, standing] : verifiers_.all()) {
    reply.verifiers.push_back(
        {.key = key,
         .standing = standing,
         .is_heard = now - standing.heard_time <= policy_.verifier_term,
         .is_set_aside = standing.IsDoubted(policy_),
         .is_failing =
             std::ssize(standing.failed_on) >= policy_.verifier_failures_max,
         .audit = state_.audits().HeldBy(key.account, key.name)});
  }
  for (const auto& [miner, waiting] : state_.audits().waiting().miners()) {
    reply.waiting += std::ssize(waiting);
    for (const AuditId id : waiting) {
      reply.oldest = std::max(reply.oldest, now - *state_.Find(id)->wait_time);
    }
  }
  return reply;
}

}  // namespace archpool
