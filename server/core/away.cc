// SPDX-License-Identifier: Apache-2.0
#include "server/core/away.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "server/core/rules/answer_size.h"
#include "server/core/state/answers.h"
#include "server/core/state/queries.h"
#include "server/core/work/work.h"

namespace archpool {
namespace {

// A longer gap between two ticks of one process is time away. Shorter ones are
// what a busy machine does; the least term there is outlasts them.
absl::Duration GapMax(const PoolPolicy& policy) {
  return policy.silence_term / 3;
}

// Paces are measured from here on, as if the lease had begun later.
void Shift(Performance& performance, absl::Duration away) {
  performance.last_commit_time += away;  // the infinite past stays where it is
}

void Shift(Step& step, Lease lease, absl::Duration away,
           std::set<SessionId>& sessions, std::set<AccountId>& accounts) {
  lease.create_time += away;
  lease.expire_time += away;
  lease.deadline += away;
  if (lease.check_time) *lease.check_time += away;
  step.state.Put(lease);
  if (sessions.insert(lease.session).second) {
    Session session = *step.state.Find(lease.session);
    Shift(session.performance, away);
    step.state.Put(session);
  }
  if (accounts.insert(lease.account).second) {
    Account account = *step.state.Find(lease.account);
    Shift(account.performance, away);
    step.state.Put(account);
  }
}

// Trials that their miners may still commit though another was faster.
void ShiftSuperseded(Step& step, absl::Time last, absl::Duration away) {
  std::vector<Trial> late;
  for (const auto& [id, task] : step.state.tasks().all()) {
    for (const TrialId trial_id : step.state.IndexOf(id).trials) {
      const Trial& trial = *step.state.Find(trial_id);
      if (trial.reason == kSuperseded && trial.upload_deadline >= last) {
        late.push_back(trial);
      }
    }
  }
  for (Trial& trial : late) {
    *trial.upload_deadline += away;
    step.state.Put(trial);
  }
}

void AddToDeadlines(Step& step, absl::Time last, absl::Duration away) {
  if (away <= absl::ZeroDuration()) return;
  const std::vector<Due> due(step.state.due().all().begin(),
                             step.state.due().all().end());
  std::set<SessionId> sessions;
  std::set<AccountId> accounts;
  for (const Due& next : due) {
    switch (next.kind) {
      case Due::Kind::kTask: {
        Task task = *step.state.Find(TaskId{next.id});
        task.time_away += away;
        step.state.Put(task);
        break;
      }
      case Due::Kind::kLease:
        Shift(step, *step.state.Find(LeaseId{next.id}), away, sessions,
              accounts);
        break;
      case Due::Kind::kCheck:
        break;  // with its lease
      case Due::Kind::kUpload: {
        Trial trial = *step.state.Find(TrialId{next.id});
        *trial.upload_deadline += away;
        step.state.Put(trial);
        break;
      }
      case Due::Kind::kAudit: {
        Audit audit = *step.state.Find(AuditId{next.id});
        for (std::optional<absl::Time>* time :
             {&audit.expire_time, &audit.lease_time, &audit.wait_time,
              &audit.decide_time, &audit.away_until}) {
          if (*time) **time += away;
        }
        step.state.Put(audit);
        break;
      }
    }
  }
  ShiftSuperseded(step, last, away);
}

void HoldExpiry(Step& step) {
  step.memory.expiry_hold.held_until = step.now + step.policy.silence_term;
  step.memory.verifiers.GiveGrace(step.now + step.policy.verifier_term);
}

}  // namespace

void NoteTime(Step& step) {
  PoolClock clock = step.state.pool_clock();
  const bool is_start =
      step.memory.expiry_hold.last_tick == absl::InfinitePast();
  // What was loaded says when a pool was last seen to be there; whether its
  // latest ticks were committed, nobody knows.
  const bool is_loaded = std::exchange(step.memory.is_loaded, false);
  const absl::Time last =
      is_loaded ? clock.time : step.memory.expiry_hold.last_tick;
  if (is_loaded) work::RevokeOfSuspended(step);
  const absl::Duration away = step.now - last;
  const bool was_away =
      last != absl::InfinitePast() && !clock.InMaintenance() &&
      away > (is_start ? absl::ZeroDuration() : GapMax(step.policy));
  if (was_away) {
    AddToDeadlines(step, last, away);
    step.memory.heirs.ForgetAll();
  }
  if (was_away || step.now - clock.time >= NoteInterval(step.policy)) {
    clock.time = step.now;
    step.state.Put(clock);
  }
  if (step.now - step.memory.expiry_hold.last_tick > step.policy.silence_term) {
    HoldExpiry(step);
  }
  step.memory.expiry_hold.last_tick = step.now;
}

absl::StatusOr<SetMaintenance::Reply> Execute(Step& step,
                                              const SetMaintenance& command) {
  PoolClock clock = step.state.pool_clock();
  const bool is_on = command.on.value_or(clock.InMaintenance());
  if (is_on == clock.InMaintenance()) return clock;
  if (is_on) {
    clock.maintenance_since = step.now;
  } else {
    AddToDeadlines(step, *clock.maintenance_since,
                   step.now - *clock.maintenance_since);
    clock.maintenance_since.reset();
    HoldExpiry(step);  // workers may not know yet that it is over
  }
  clock.time = step.now;
  step.state.Put(clock);
  return clock;
}

absl::StatusOr<ExtendAnswers::Reply> Execute(Step& step,
                                             const ExtendAnswers& command) {
  ExtendAnswers::Reply reply;
  if (command.by <= absl::ZeroDuration()) return reply;
  // What is moved goes behind what is still to be moved.
  const absl::btree_set<Due>& all = step.state.due().all();
  std::vector<Due> due;
  auto next = all.lower_bound(Due{.time = command.before});
  while (next != all.begin()) {
    --next;
    if (next->kind != Due::Kind::kUpload && next->kind != Due::Kind::kAudit) {
      continue;
    }
    if (std::ssize(due) >= step.policy.settle_trials_max &&
        next->time < due.back().time) {
      reply.rest_before = due.back().time;
      break;
    }
    due.push_back(*next);
  }
  for (const Due& one : due) {
    if (one.kind == Due::Kind::kUpload) {
      Trial trial = *step.state.Find(TrialId{one.id});
      *trial.upload_deadline += command.by;
      if (*trial.upload_deadline - CommitmentOf(trial).commit_time >
          2 * step.policy.refused_time_max)
        continue;
      step.state.Put(trial);
      ++reply.extended;
    } else if (one.kind == Due::Kind::kAudit) {
      Audit audit = *step.state.Find(AuditId{one.id});
      const absl::Duration by = std::min(
          command.by, step.policy.refused_time_max - audit.refused_time);
      if (audit.state != AuditState::kAsked || by <= absl::ZeroDuration()) {
        continue;
      }
      audit.refused_time += by;
      *audit.expire_time += by;
      step.state.Put(audit);
      ++reply.extended;
    }
  }
  return reply;
}

namespace {

constexpr int64_t kAllParts =
    kPartWeights | kPartBeginWeights | kPartBeginOptimizer;
// Answers that one file's progress moves beside its own, and that are examined
// for them: bounds what it costs.
constexpr size_t kAnswersMovedMax = 64;
constexpr int kAnswersLookedAtMax = 1'024;
// What others' files may add to the time for an answer.
constexpr absl::Duration kOthersMax = absl::Hours(1);

// A file of that worker's came for `within`: what is asked of it waited for the
// line as long. Its own answer is moved by no more than sending it takes at the
// least rate; those behind it by about twice what sending all that is asked
// takes, since what was sent before is not asked any more.
bool MoveAnswers(Step& step, const Trial& sent, absl::Duration within) {
  const auto sending = [&](int64_t bytes) {
    return absl::Seconds(bytes) / step.policy.upload_rate_least;
  };
  const SessionId session = CommitmentOf(sent).session;
  const absl::Duration of_others = std::min(
      kOthersMax, 2 * sending(step.state.audits().AskedOf(session).bytes));
  std::vector<Audit> moved;
  const auto move = [&](AuditId id) {
    const Audit* audit = step.state.Find(id);
    if (audit == nullptr || audit->state != AuditState::kAsked) return;
    const Trial& trial = *step.state.Find(audit->trial);
    const absl::Duration most =
        of_others + sending(AnswerSizeBytes(trial, kAllParts));
    // What the pool refuses for so long is nobody's fault: not for a sender to
    // come to.
    if (CommitmentOf(trial).session == session && audit->refused_time < most &&
        audit->refused_time + within < step.policy.refused_time_max) {
      moved.push_back(*audit);
    }
  };
  const AuditId own = step.state.audits().Of(sent.id);
  move(own);
  int looks = 0;
  for (const AuditId id : step.state.audits().AskedOf(sent.account)) {
    if (++looks > kAnswersLookedAtMax || moved.size() > kAnswersMovedMax) break;
    if (id != own) move(id);
  }
  for (Audit& audit : moved) {
    audit.refused_time += within;
    *audit.expire_time += within;
    step.state.Put(audit);
  }
  return !moved.empty();
}

}  // namespace

absl::StatusOr<NoteUpload::Reply> Execute(Step& step,
                                          const NoteUpload& command) {
  const Trial* found = step.state.Find(command.trial);
  const auto rate = static_cast<double>(command.bytes) /
                    absl::ToDoubleSeconds(command.within);
  if (found == nullptr || found->account != command.caller ||
      !found->commitment || IsVoid(step.state, *found) ||
      command.within <= absl::ZeroDuration() ||
      rate < static_cast<double>(step.policy.upload_rate_least)) {
    return NoteUpload::Reply();
  }
  NoteUpload::Reply reply{MoveAnswers(step, *found, command.within)};
  AskedLoad others = step.state.audits().AskedOf(found->commitment->session);
  const Audit* own = step.state.Find(step.state.audits().Of(found->id));
  if (own != nullptr && own->state == AuditState::kAsked) {
    --others.answers;
    others.bytes -= AnswerSizeBytes(*found, own->missing);
  }
  const absl::Duration most =
      AnswerTime(step.state, step.policy, *found, kAllParts, others) +
      absl::Seconds(AnswerSizeBytes(*found, kAllParts)) /
          step.policy.upload_rate_least;
  if (found->state == TrialState::kCommitted &&
      *found->upload_deadline + command.within <=
          found->commitment->commit_time + most) {
    Trial trial = *found;
    *trial.upload_deadline += command.within;
    step.state.Put(trial);
    reply.is_extended = true;
  }
  return reply;
}

}  // namespace archpool
