// SPDX-License-Identifier: Apache-2.0
#include "server/core/away.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "server/core/rules/answer_size.h"
#include "server/core/state/answers.h"
#include "server/core/state/operator_acts.h"
#include "server/core/state/queries.h"
#include "server/core/state/storage.h"
#include "server/core/time_away.h"
#include "server/core/work/work.h"

namespace archpool {
namespace {

// A longer gap between two ticks of one process is time away. Shorter ones are
// what a busy machine does; the least term there is outlasts them.
absl::Duration GapMax(const PoolPolicy& policy) {
  return policy.silence_term / 3;
}

void HoldExpiry(Step& step) {
  step.memory.expiry_hold.held_until = step.now + step.policy.silence_term;
  step.memory.verifiers.GiveGrace(step.now + step.policy.verifier_term);
}

// Takes the next step of what is being added. False: there are more.
bool GoOnAdding(Step& step) {
  PoolClock clock = step.state.pool_clock();
  AddToSome(step, clock);
  step.state.Put(clock);
  // Another gap is seen once this one is added; after a load, all the time
  // since it ended.
  absl::Time& last_tick = step.memory.expiry_hold.last_tick;
  if (!step.memory.is_loaded && step.now - last_tick <= GapMax(step.policy)) {
    last_tick = step.now;
  }
  if (clock.IsAdding()) return false;
  HoldExpiry(step);  // nobody was answered meanwhile
  return true;
}

}  // namespace

void NoteTime(Step& step) {
  if (step.state.pool_clock().IsAdding() && !GoOnAdding(step)) return;
  PoolClock clock = step.state.pool_clock();
  if (!clock.IsAdding()) clock.added.reset();
  const bool is_start =
      step.memory.expiry_hold.last_tick == absl::InfinitePast();
  // What was loaded says when a pool was last seen to be there; whether its
  // latest ticks were committed, nobody knows.
  const bool is_loaded = std::exchange(step.memory.is_loaded, false);
  const absl::Time last =
      is_loaded ? clock.time : step.memory.expiry_hold.last_tick;
  if (is_loaded) work::NoteLeasesToEnd(step);
  const absl::Duration away = step.now - last;
  const bool was_away =
      last != absl::InfinitePast() && !clock.InMaintenance() &&
      away > (is_start ? absl::ZeroDuration() : GapMax(step.policy));
  if (was_away) {
    BeginToAdd(step, last, clock);
    step.memory.heirs.ForgetAll();
    step.state.Put(clock);
  } else if (step.now - clock.time >= NoteInterval(step.policy)) {
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
    clock.time = step.now;
  } else {
    const absl::Time begin = *clock.maintenance_since;
    clock.maintenance_since.reset();
    BeginToAdd(step, begin, clock);
    HoldExpiry(step);  // workers may not know yet that it is over
  }
  step.state.Put(clock);
  NoteAct(step, command.by, is_on ? "begin_maintenance" : "end_maintenance", "",
          "");
  return clock;
}

namespace {

// The accounts that filled the disk, if it is full: they get no time for it.
class DiskFillers {
 public:
  DiskFillers(const Step& step, bool is_disk_full)
      : step_(step),
        is_disk_full_(is_disk_full),
        chosen_(is_disk_full ? ChosenBytes(step.state) : 0) {}

  bool Has(AccountId account) {
    if (!is_disk_full_) return false;
    const auto [found, is_new] = known_.try_emplace(account, false);
    if (is_new) {
      found->second = HasFilledDisk(step_.state, step_.policy,
                                    *step_.state.Find(account), chosen_);
    }
    return found->second;
  }
  std::vector<AccountId> Met() const {
    std::vector<AccountId> met;
    for (const auto& [account, has_filled] : known_) {
      if (has_filled) met.push_back(account);
    }
    return met;
  }

 private:
  const Step& step_;
  const bool is_disk_full_;
  const int64_t chosen_;
  absl::btree_map<AccountId, bool> known_;
};

}  // namespace

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
  DiskFillers fillers(step, command.is_disk_full);
  for (const Due& one : due) {
    const TrialId of = one.kind == Due::Kind::kUpload
                           ? TrialId{one.id}
                           : step.state.Find(AuditId{one.id})->trial;
    if (fillers.Has(step.state.Find(of)->account)) {
      ++reply.withheld;
      continue;
    }
    if (one.kind == Due::Kind::kUpload) {
      Trial trial = *step.state.Find(TrialId{one.id});
      *trial.upload_deadline += command.by;
      if (*trial.upload_deadline - CommitTimeOf(trial) >
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
  reply.fillers = fillers.Met();
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
  for (const AuditId id : step.state.audits().AskedIn(sent.account, session)) {
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
      *found->upload_deadline + command.within <= CommitTimeOf(*found) + most) {
    Trial trial = *found;
    *trial.upload_deadline += command.within;
    step.state.Put(trial);
    reply.is_extended = true;
  }
  return reply;
}

}  // namespace archpool
