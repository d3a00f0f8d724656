// SPDX-License-Identifier: Apache-2.0
#include "simulator/pay_oracle.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace archpool {
namespace {

// A worker that is there is heard this often, in parts of the silence term.
constexpr double kHeardTerms = 0.75;
// How long it waits at least for verifiers that are at work.
constexpr absl::Duration kWaitMax = absl::Hours(24);
// And for a machine that is away, before that is a miner's fault.
constexpr absl::Duration kAwayMax = absl::Hours(24);
// What a verifier that is well may pause, wait for others, and be late by,
// before it takes on what waits for it.
absl::Duration IdleMax(const PoolPolicy& policy) {
  return policy.second_look_max + policy.failure_pause_max + absl::Minutes(5);
}

int64_t PassesToProve(const PoolPolicy& policy) {
  int64_t passes = 0;
  for (int64_t ppm = 1'000'000;
       ppm > policy.audit_floor_ppm && policy.audit_rate_factor_ppm < 1'000'000;
       ++passes) {
    ppm = ppm * policy.audit_rate_factor_ppm / 1'000'000;
  }
  return passes;
}

std::string Name(const Trial& trial) {
  return absl::StrCat("honest ", trial.id.ToString(), " of ",
                      trial.account.ToString());
}

}  // namespace

PayOracle::PayOracle(const PoolPolicy& policy)
    : policy_(policy), passes_to_prove_(PassesToProve(policy)) {}

void PayOracle::NotePool(bool is_there, absl::Time now) {
  pool_.Set(is_there, now);
  for (auto& [id, miner] : miners_) {
    miner.able.Set(is_there && !miner.machine.is_away, now);
  }
  for (const auto& [verifier, is_well] : well_) SetIdle(verifier, now);
}

void PayOracle::NoteMachine(AccountId id, const Machine& machine,
                            absl::Time now) {
  Miner& miner = miners_[id];
  if (!machine.is_away) {
    miner.away_since = absl::InfiniteFuture();
  } else {
    miner.away_since = std::min(miner.away_since, now);
  }
  miner.machine = machine;
  miner.able.Set(pool_.is_so() && !machine.is_away, now);
}

void PayOracle::NoteVerifier(const VerifierKey& verifier, bool is_well,
                             absl::Time now) {
  well_[verifier] = is_well;
  SetIdle(verifier, now);
}

void PayOracle::SetIdle(const VerifierKey& verifier, absl::Time now) {
  const auto well = well_.find(verifier);
  if (well == well_.end()) return;
  if (well->second && pool_.is_so()) {
    at_work_since_.try_emplace(verifier, now);
  } else {
    at_work_since_.erase(verifier);
  }
  idle_[verifier].Set(
      well->second && pool_.is_so() && !holding_.contains(verifier), now);
}

PayOracle::Mark PayOracle::MarkOf(const Miner& miner, absl::Time now) const {
  return {.time = now, .pool = pool_.At(now), .able = miner.able.At(now)};
}

PayOracle::Question PayOracle::QuestionOf(Miner& miner, const Trial& trial,
                                          int64_t files, absl::Time now) {
  const int64_t size_bytes = files * CommitmentOf(trial).weights_size_bytes;
  miner.asked_bytes[trial.id] = size_bytes;
  int64_t queue_bytes = 0;
  for (const auto& [id, bytes] : miner.asked_bytes) queue_bytes += bytes;
  return {.since = MarkOf(miner, now),
          .size_bytes = size_bytes,
          .queue_bytes = queue_bytes};
}

absl::Duration PayOracle::Promised(const Miner& miner, const Trial& trial,
                                   int64_t size_bytes) const {
  const double pace =
      std::min(miner.machine.pace, static_cast<double>(policy_.slowness_max));
  return policy_.upload_term +
         absl::Seconds(static_cast<double>(size_bytes) /
                       static_cast<double>(policy_.upload_rate_min)) +
         pace * absl::Microseconds(trial.work_units);
}

void PayOracle::Note(const Event& event, absl::Time now) {
  if (const auto* account = std::get_if<Account>(&event)) {
    NoteAccount(*account, now);
  } else if (const auto* lease = std::get_if<Lease>(&event)) {
    NoteLease(*lease, now);
  } else if (const auto* trial = std::get_if<Trial>(&event)) {
    NoteTrial(*trial, now);
  } else if (const auto* audit = std::get_if<Audit>(&event)) {
    NoteAudit(*audit, now);
  } else if (const auto* task = std::get_if<Task>(&event)) {
    NoteTask(*task);
  }
}

void PayOracle::NoteAccount(const Account& account, absl::Time) {
  const auto found = miners_.find(account.id);
  if (found == miners_.end()) return;
  Miner& miner = found->second;
  const bool was_suspended = std::exchange(
      miner.is_suspended, account.state == AccountState::kSuspended);
  if (was_suspended || !miner.is_suspended) return;
  if (miner.absences >= policy_.rejections_to_suspend) {
    ++report_.absent_suspended;
  } else {
    Complain(absl::StrCat("honest ", account.id.ToString(), " is suspended"));
  }
}

void PayOracle::NoteLease(const Lease& lease, absl::Time now) {
  const auto miner = miners_.find(lease.account);
  if (miner == miners_.end()) return;
  leases_.insert({lease.id,
                  {.since = MarkOf(miner->second, now),
                   .term = lease.deadline - lease.create_time}});
}

void PayOracle::NoteTrial(const Trial& trial, absl::Time now) {
  const auto found = miners_.find(trial.account);
  if (found == miners_.end() || trial.known_from.IsSet()) return;
  Miner& miner = found->second;
  const auto [entry, is_new] = trials_.try_emplace(trial.id);
  Watched& watched = entry->second;
  if (is_new) {
    trials_of_[trial.task].push_back(trial.id);
    watched.since = now;
  }
  const Trial before = std::exchange(watched.trial, trial);
  if (trial.state == before.state && BasisOf(trial) == BasisOf(before)) return;
  if (trial.state == TrialState::kCommitted) {
    ++report_.committed;
    report_.absent_uncommitted -=
        static_cast<int64_t>(refused_.erase(trial.id));
    late_.erase(trial.id);
    watched.weights = QuestionOf(miner, trial, 1, now);
  } else {
    miner.asked_bytes.erase(trial.id);
  }
  if (BasisOf(trial) >= TrialBasis::kAudited &&
      BasisOf(before) < BasisOf(trial)) {
    ++miner.passes;
    miner.absences = 0;
  }
  if (trial.state == TrialState::kRejected && before.state != trial.state) {
    NoteRejected(watched, now);
  }
}

void PayOracle::NoteAudit(const Audit& audit, absl::Time now) {
  WatchedAudit& watched = audits_[audit.id];
  const Audit before = std::exchange(watched.audit, audit);
  NoteHolder(before, audit, now);
  const auto trial = trials_.find(audit.trial);
  if (trial == trials_.end()) return;
  if (!before.id.IsSet()) {
    audit_of_[audit.trial] = audit.id;
    Miner& miner = miners_.at(trial->second.trial.account);
    if (audit.state == AuditState::kAsked) {
      watched.question = QuestionOf(miner, trial->second.trial,
                                    audit.segment > 0 ? 3 : 1, now);
    }
  }
  if (audit.state == AuditState::kWaiting && !watched.is_waiting) {
    watched.is_waiting = true;
    miners_.at(trial->second.trial.account).asked_bytes.erase(audit.trial);
    watched.pool_before = pool_.At(now);
    for (const auto& [verifier, idle] : idle_) {
      watched.idle_before[verifier] = idle.At(now);
    }
  }
}

void PayOracle::NoteHolder(const Audit& before, const Audit& audit,
                           absl::Time now) {
  if (before.state == AuditState::kLeased) {
    const VerifierKey holder = HolderOf(before);
    const auto held = holding_.find(holder);
    if (held != holding_.end() && held->second == audit.id) {
      holding_.erase(held);
      SetIdle(holder, now);
    }
  }
  if (audit.state == AuditState::kLeased) {
    holding_[HolderOf(audit)] = audit.id;
    SetIdle(HolderOf(audit), now);
  }
}

void PayOracle::NoteRejected(const Watched& watched, absl::Time now) {
  const Trial& trial = watched.trial;
  Miner& miner = miners_.at(trial.account);
  const auto audit = audit_of_.find(trial.id);
  const WatchedAudit* asked =
      audit == audit_of_.end() ? nullptr : &audits_.at(audit->second);
  if (trial.reason == "AUDIT_UNANSWERED" && asked != nullptr) {
    CheckWaited(trial, asked->question, now);
    return CheckBlamedAbsence(trial, asked->question, now);
  }
  if (asked != nullptr &&
      (trial.reason == "MINER_AWAY" ||
       (trial.reason == "UNVERIFIED" && asked->audit.away_until))) {
    // Whatever else it has stays.
    if (CheckAbsence(trial, asked->question, now)) ++report_.absent_unblamed;
    return;
  }
  if (trial.reason == "WEIGHTS_MISSING") {
    return CheckBlamedAbsence(trial, watched.weights, now);
  }
  if (trial.reason == "UNVERIFIED") {
    return CheckUndecided(trial, now);
  }
  if (trial.reason == "CREDIT_VOID" ||
      trial.reason == "RESUMED_FROM_REJECTED") {
    // What was there by then is judged in steps.
    const absl::Time made = trial.reason == "CREDIT_VOID"
                                ? watched.weights.since.time
                                : watched.since;
    if (made <= miner.absent_time) {
      ++report_.absent;
      ++report_.absent_with_another;
      return;
    }
    if (made <= miner.undecided_time && trial.reason != "CREDIT_VOID") {
      ++report_.undecided;
      return;
    }
  }
  Complain(absl::StrCat(Name(trial), " was rejected: ", trial.reason));
}

// Blame for a machine that is away comes a day after it was due.
void PayOracle::CheckWaited(const Trial& trial, const Question& question,
                            absl::Time now) {
  const Miner& miner = miners_.at(trial.account);
  const absl::Duration promised =
      Promised(miner, trial, question.size_bytes) + kAwayMax;
  const absl::Duration there = pool_.At(now) - question.since.pool;
  if (miner.away_since <= now - policy_.silence_term && there < promised) {
    Complain(absl::StrCat(Name(trial), " is away and was blamed after ",
                          absl::FormatDuration(there), " of ",
                          absl::FormatDuration(promised)));
  }
}

void PayOracle::CheckBlamedAbsence(const Trial& trial, const Question& question,
                                   absl::Time now) {
  if (!CheckAbsence(trial, question, now)) return;
  Miner& miner = miners_.at(trial.account);
  ++miner.absences;
  miner.passes = 0;
  miner.absent_time = now;
}

bool PayOracle::CheckAbsence(const Trial& trial, const Question& question,
                             absl::Time now) {
  const Miner& miner = miners_.at(trial.account);
  const absl::Duration there = pool_.At(now) - question.since.pool;
  const absl::Duration promised = Promised(miner, trial, question.size_bytes);
  if (there < promised) {
    Complain(absl::StrCat(Name(trial), " was waited for only ",
                          absl::FormatDuration(there), " of ",
                          absl::FormatDuration(promised)));
    return false;
  }
  const bool had_time = miner.able.At(now) - question.since.able >=
                        Promised(miner, trial, question.queue_bytes);
  const bool is_slow =
      miner.machine.line_rate < static_cast<double>(policy_.upload_rate_min);
  if (had_time && !is_slow && !lost_.contains(trial.id)) {
    Complain(absl::StrCat(Name(trial),
                          " had its time and was not heard: ", trial.reason));
    return false;
  }
  ++report_.absent;
  return true;
}

bool PayOracle::IsBeyondCap(const Trial& trial) const {
  int64_t unverified = 0;
  for (const TrialId id : trials_of_.at(trial.task)) {
    const Trial& other = trials_.at(id).trial;
    if (other.account == trial.account &&
        BasisOf(other) == TrialBasis::kUnverified) {
      ++unverified;
    }
  }
  return unverified >= policy_.unverified_per_block_max;
}

std::string PayOracle::WhoCouldDecide(const WatchedAudit& watched,
                                      absl::Time now) const {
  for (const auto& [verifier, idle] : idle_) {
    const auto then = watched.idle_before.find(verifier);
    const absl::Duration since =
        idle.At(now) - (then == watched.idle_before.end() ? absl::ZeroDuration()
                                                          : then->second);
    if (since < IdleMax(policy_)) continue;
    return absl::StrCat(verifier.name, " was idle for ",
                        absl::FormatDuration(since));
  }
  if (!watched.audit.looks.empty() ||
      pool_.At(now) - watched.pool_before >= kWaitMax) {
    return "";
  }
  for (const auto& [verifier, since] : at_work_since_) {
    if (now - since < IdleMax(policy_)) continue;
    return absl::StrCat(verifier.name, " was at work for ",
                        absl::FormatDuration(now - since));
  }
  return "";
}

void PayOracle::CheckUndecided(const Trial& trial, absl::Time now) {
  Miner& miner = miners_.at(trial.account);
  const bool is_proven = miner.passes >= passes_to_prove_;
  if (is_proven && !IsBeyondCap(trial)) {
    Complain(absl::StrCat(Name(trial),
                          ", who is proven, was rejected: ", trial.reason));
    return;
  }
  const auto id = audit_of_.find(trial.id);
  if (id == audit_of_.end() || !audits_.at(id->second).is_waiting) {
    Complain(absl::StrCat(Name(trial), " was given up without an audit"));
    return;
  }
  const std::string who = WhoCouldDecide(audits_.at(id->second), now);
  if (!who.empty()) {
    return Complain(
        absl::StrCat(Name(trial), " was left undecided while ", who));
  }
  ++(is_proven ? report_.undecided_beyond_cap : report_.undecided);
  miner.undecided_time = now;
}

void PayOracle::NoteRefused(TrialId id, LeaseId under,
                            const std::string& reason, absl::Time now) {
  const auto trial = trials_.find(id);
  if (trial == trials_.end()) return;
  const auto lease = leases_.find(under);
  if (lease == leases_.end()) return;
  const Miner& miner = miners_.at(trial->second.trial.account);
  const absl::Duration there = pool_.At(now) - lease->second.since.pool;
  const absl::Duration able = miner.able.At(now) - lease->second.since.able;
  // Its leases end with what came of an earlier absence.
  const bool is_revoked = miner.absent_time >= lease->second.since.time;
  if (there - able >= kHeardTerms * policy_.silence_term ||
      there >= lease->second.term || is_revoked) {
    report_.absent_uncommitted += refused_.insert(id).second ? 1 : 0;
    return;
  }
  // It may be given the trial again, and hand in what it trained.
  late_[id] = absl::StrCat(Name(trial->second.trial),
                           " was trained in time and refused: ", reason);
}

void PayOracle::NoteTask(const Task& task) {
  if (!IsEnded(task.state)) return;
  const auto found = trials_of_.find(task.id);
  if (found == trials_of_.end()) return;
  for (const TrialId id : found->second) {
    const Trial& trial = trials_.at(id).trial;
    const auto late = late_.find(id);
    if (late != late_.end()) Complain(late->second);
    if (trial.state != TrialState::kAccepted) continue;
    if (SettlementOf(trial).pay > 0) {
      ++report_.paid;
      report_.units_paid += trial.work_units;
    } else {
      Complain(absl::StrCat(Name(trial), " was accepted and is not paid"));
    }
  }
  trials_of_.erase(found);
}

}  // namespace archpool
