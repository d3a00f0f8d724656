// Time in which the pool was away: what was to be done by a moment gets that
// time back.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "server/core/pool.h"
#include "server/core/pool_internal.h"

namespace archpool {
namespace {

using Due = PoolState::Due;

// A longer gap between two ticks of one process is time away. Shorter ones are
// what a busy machine does; the least term there is outlasts them.
absl::Duration GapMax(const PoolPolicy& policy) {
  return policy.silence_term / 3;
}

// Paces are measured from here on, as if the lease had begun later.
void Shift(Performance& performance, absl::Duration away) {
  performance.last_commit_time += away;  // the infinite past stays where it is
}

void Shift(PoolState& state, Lease lease, absl::Duration away,
           std::set<SessionId>& sessions, std::set<AccountId>& accounts) {
  lease.create_time += away;
  lease.expire_time += away;
  lease.deadline += away;
  lease.check_time += away;
  state.Put(lease);
  if (sessions.insert(lease.session).second) {
    Session session = *state.Find(lease.session);
    Shift(session.performance, away);
    state.Put(session);
  }
  if (accounts.insert(lease.account).second) {
    Account account = *state.Find(lease.account);
    Shift(account.performance, away);
    state.Put(account);
  }
}

// Trials that their miners may still commit though another was faster.
void ShiftSuperseded(PoolState& state, absl::Time last, absl::Duration away) {
  std::vector<Trial> late;
  for (const auto& [id, task] : state.tasks()) {
    for (const TrialId trial_id : state.IndexOf(id).trials) {
      const Trial& trial = *state.Find(trial_id);
      if (trial.reason == kSuperseded && trial.upload_deadline >= last) {
        late.push_back(trial);
      }
    }
  }
  for (Trial& trial : late) {
    trial.upload_deadline += away;
    state.Put(trial);
  }
}

}  // namespace

// Less than a gap, so that loading the state again is none.
absl::Duration NoteInterval(const PoolPolicy& policy) {
  return std::min(absl::Seconds(5), policy.silence_term / 12);
}

namespace internal {

void AddToDeadlines(PoolState& state, absl::Time last, absl::Duration away) {
  if (away <= absl::ZeroDuration()) return;
  const std::vector<Due> due(state.due().begin(), state.due().end());
  std::set<SessionId> sessions;
  std::set<AccountId> accounts;
  for (const Due& next : due) {
    switch (next.kind) {
      case Due::Kind::kTask: {
        Task task = *state.Find(TaskId{next.id});
        task.time_away += away;
        state.Put(task);
        break;
      }
      case Due::Kind::kLease:
        Shift(state, *state.Find(LeaseId{next.id}), away, sessions, accounts);
        break;
      case Due::Kind::kCheck:
        break;  // with its lease
      case Due::Kind::kUpload: {
        Trial trial = *state.Find(TrialId{next.id});
        trial.upload_deadline += away;
        state.Put(trial);
        break;
      }
      case Due::Kind::kAudit: {
        Audit audit = *state.Find(AuditId{next.id});
        audit.expire_time += away;  // what is infinite stays so
        audit.lease_time += away;
        audit.wait_time += away;
        audit.decide_time += away;
        state.Put(audit);
        break;
      }
    }
  }
  ShiftSuperseded(state, last, away);
}

}  // namespace internal

void Pool::NoteTime(absl::Time now) {
  PoolClock clock = state_.pool_clock();
  const bool is_start = expiry_hold_.last_tick == absl::InfinitePast();
  // What was loaded says when a pool was last seen to be there; whether its
  // latest ticks were committed, nobody knows.
  const absl::Time last =
      std::exchange(is_loaded_, false) ? clock.time : expiry_hold_.last_tick;
  const absl::Duration away = now - last;
  const bool was_away =
      last != absl::InfinitePast() && !clock.InMaintenance() &&
      away > (is_start ? absl::ZeroDuration() : GapMax(policy_));
  if (was_away) {
    internal::AddToDeadlines(state_, last, away);
    heirs_.ForgetAll();
  }
  if (was_away || now - clock.time >= NoteInterval(policy_)) {
    clock.time = now;
    state_.Put(clock);
  }
  if (now - expiry_hold_.last_tick > policy_.silence_term) {
    HoldExpiry(now);
  }
  expiry_hold_.last_tick = now;
}

void Pool::HoldExpiry(absl::Time now) {
  expiry_hold_.held_until = now + policy_.silence_term;
  verifiers_.GiveGrace(now + policy_.verifier_term);
}

absl::StatusOr<SetMaintenance::Reply> Pool::Execute(
    const SetMaintenance& command, absl::Time now) {
  PoolClock clock = state_.pool_clock();
  const bool is_on = command.on.value_or(clock.InMaintenance());
  if (is_on == clock.InMaintenance()) return clock;
  if (is_on) {
    clock.maintenance_since = now;
  } else {
    internal::AddToDeadlines(state_, clock.maintenance_since,
                             now - clock.maintenance_since);
    clock.maintenance_since = absl::InfiniteFuture();
    HoldExpiry(now);  // workers may not know yet that it is over
  }
  clock.time = now;
  state_.Put(clock);
  return clock;
}

absl::StatusOr<ExtendAnswers::Reply> Pool::Execute(const ExtendAnswers& command,
                                                   absl::Time) {
  ExtendAnswers::Reply reply;
  if (command.by <= absl::ZeroDuration()) return reply;
  const std::vector<Due> due(state_.due().begin(), state_.due().end());
  for (const Due& next : due) {
    if (next.kind == Due::Kind::kUpload) {
      Trial trial = *state_.Find(TrialId{next.id});
      trial.upload_deadline += command.by;
      if (trial.upload_deadline - trial.commit_time >
          2 * policy_.refused_time_max)
        continue;
      state_.Put(trial);
      ++reply.extended;
    } else if (next.kind == Due::Kind::kAudit) {
      Audit audit = *state_.Find(AuditId{next.id});
      const absl::Duration by =
          std::min(command.by, policy_.refused_time_max - audit.refused_time);
      if (audit.state != AuditState::kAsked || by <= absl::ZeroDuration()) {
        continue;
      }
      audit.refused_time += by;
      audit.expire_time += by;
      state_.Put(audit);
      ++reply.extended;
    }
  }
  return reply;
}

namespace {

constexpr int64_t kAllParts =
    kPartWeights | kPartBeginWeights | kPartBeginOptimizer;
// Answers that one file's progress moves beside its own, and that are looked at
// for them: bounds what it costs.
constexpr size_t kAnswersMovedMax = 64;
constexpr int kAnswersLookedAtMax = 1'024;
// What others' files may add to the time for an answer.
constexpr absl::Duration kOthersMax = absl::Hours(1);

// A file of that worker's came for `within`: what is asked of it waited for the
// line as long. Its own answer is moved by no more than sending it takes at the
// least rate; those behind it by about twice what sending all that is asked
// takes, since what was sent before is not asked any more.
bool MoveAnswers(PoolState& state, const PoolPolicy& policy, const Trial& sent,
                 absl::Duration within) {
  const auto sending = [&](int64_t bytes) {
    return absl::Seconds(bytes) / policy.upload_rate_least;
  };
  const absl::Duration of_others =
      std::min(kOthersMax, 2 * sending(state.AskedOf(sent.session).bytes));
  std::vector<Audit> moved;
  const auto move = [&](AuditId id) {
    const Audit* audit = state.Find(id);
    if (audit == nullptr || audit->state != AuditState::kAsked) return;
    const Trial& trial = *state.Find(audit->trial);
    const absl::Duration most =
        of_others + sending(internal::AnswerSizeBytes(trial, kAllParts));
    // What the pool refuses for so long is nobody's fault: not for a sender to
    // come to.
    if (trial.session == sent.session && audit->refused_time < most &&
        audit->refused_time + within < policy.refused_time_max) {
      moved.push_back(*audit);
    }
  };
  const AuditId own = state.AuditOf(sent.id);
  move(own);
  int looks = 0;
  for (const AuditId id : state.AskedOf(sent.account)) {
    if (++looks > kAnswersLookedAtMax || moved.size() > kAnswersMovedMax) break;
    if (id != own) move(id);
  }
  for (Audit& audit : moved) {
    audit.refused_time += within;
    audit.expire_time += within;
    state.Put(audit);
  }
  return !moved.empty();
}

}  // namespace

absl::StatusOr<NoteUpload::Reply> Pool::Execute(const NoteUpload& command,
                                                absl::Time) {
  const Trial* found = state_.Find(command.trial);
  const auto rate = static_cast<double>(command.bytes) /
                    absl::ToDoubleSeconds(command.within);
  if (found == nullptr || found->account != command.caller ||
      command.within <= absl::ZeroDuration() ||
      rate < static_cast<double>(policy_.upload_rate_least)) {
    return NoteUpload::Reply();
  }
  NoteUpload::Reply reply{MoveAnswers(state_, policy_, *found, command.within)};
  AskedLoad others = state_.AskedOf(found->session);
  const Audit* own = state_.Find(state_.AuditOf(found->id));
  if (own != nullptr && own->state == AuditState::kAsked) {
    --others.answers;
    others.bytes -= internal::AnswerSizeBytes(*found, own->missing);
  }
  const absl::Duration most =
      internal::AnswerTime(state_, policy_, *found, kAllParts, others) +
      absl::Seconds(internal::AnswerSizeBytes(*found, kAllParts)) /
          policy_.upload_rate_least;
  if (found->state == TrialState::kCommitted &&
      found->upload_deadline + command.within <= found->commit_time + most) {
    Trial trial = *found;
    trial.upload_deadline += command.within;
    state_.Put(trial);
    reply.is_extended = true;
  }
  return reply;
}

}  // namespace archpool
