// SPDX-License-Identifier: Apache-2.0
// What a conviction or a doubt brings about for all that an account has not
// matured: it is void, or asked for after all. An account may have a hundred
// thousand such trials; so the first command says in its record until when what
// was committed is meant, and does what it can. Ticks do the rest. What the
// record says holds at once: meanwhile nothing of it matures, is examined or is
// settled, and it makes no difference where the pool is killed in between.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "server/core/proof/parts.h"
#include "server/core/proof/proof.h"
#include "server/core/state/queries.h"

namespace archpool::proof {
namespace {

// What of the account has not matured, by open task that has any.
std::vector<const Immature*> ImmatureOf(const PoolState& state,
                                        AccountId account) {
  std::vector<const Immature*> all;
  for (const auto& [id, task] : state.tasks().all()) {
    const auto& immature = state.IndexOf(id).tally.immature;
    const auto found = immature.find(account);
    if (found != immature.end()) all.push_back(&found->second);
  }
  return all;
}

// What is left of it when some is done; nullopt: nothing.
void SetMark(Step& step, AccountId id, std::optional<absl::Time> Account::*mark,
             std::optional<absl::Time> until) {
  Account account = *step.state.Find(id);
  if (account.*mark == until) return;
  account.*mark = until;
  step.state.Put(account);
}

// Voids as many as the command still may, the latest first, which the indexes
// forget with the least effort. False: there are more.
bool VoidSome(Step& step, AccountId account, absl::Time until) {
  std::vector<TrialId> some;
  bool is_all = true;
  for (const Immature* immature : ImmatureOf(step.state, account)) {
    auto next = immature->upper_bound({until, TrialId{INT64_MAX}});
    while (next != immature->begin()) {
      if (std::ssize(some) >= step.judged_left) {
        is_all = false;
        break;
      }
      some.push_back((--next)->second);
    }
  }
  for (const TrialId id : some) {
    const Trial& trial = *step.state.Find(id);
    // Unless it went with what it grew from.
    if (trial.state != TrialState::kRejected) VoidOne(step, trial);
  }
  return is_all;
}

// The account's trials from the latest on, among all of its tasks.
class LatestFirst {
 public:
  LatestFirst(const PoolState& state, AccountId account, absl::Time until) {
    for (const Immature* immature : ImmatureOf(state, account)) {
      const auto end = immature->upper_bound({until, TrialId{INT64_MAX}});
      if (end != immature->begin()) Push({immature->begin(), end});
    }
  }

  bool IsEmpty() const { return rests_.empty(); }
  const std::pair<absl::Time, TrialId>& Top() const {
    return *std::prev(rests_.front().end);
  }
  void Pop() {
    std::pop_heap(rests_.begin(), rests_.end());
    Rest rest = rests_.back();
    rests_.pop_back();
    if (--rest.end != rest.begin) Push(rest);
  }

 private:
  struct Rest {
    Immature::const_iterator begin;
    Immature::const_iterator end;
    friend bool operator<(const Rest& a, const Rest& b) {
      return *std::prev(a.end) < *std::prev(b.end);
    }
  };
  void Push(const Rest& rest) {
    rests_.push_back(rest);
    std::push_heap(rests_.begin(), rests_.end());
  }

  std::vector<Rest> rests_;  // a heap
};

// Asks for as many as the command still may, of those committed by `until`.
// Until when the others were committed; nullopt: there are none. What was
// committed in one moment is asked for at once.
std::optional<absl::Time> ExamineSome(Step& step, AccountId account,
                                      absl::Time until) {
  LatestFirst next(step.state, account, until);
  std::vector<TrialId> some;
  int64_t looks_left = kLooksPerWrite * step.judged_left;
  absl::Time last = absl::InfiniteFuture();
  for (; !next.IsEmpty(); next.Pop()) {
    const auto& [commit_time, id] = next.Top();
    if ((looks_left <= 0 || std::ssize(some) >= step.judged_left) &&
        commit_time < last) {
      break;
    }
    last = commit_time;
    --looks_left;
    const Trial& trial = *step.state.Find(id);
    if (BasisOf(trial) == TrialBasis::kSampledOut &&
        !step.state.audits().Of(id).IsSet() && !IsVoid(step.state, trial)) {
      some.push_back(id);
    }
  }
  const std::optional<absl::Time> rest =
      next.IsEmpty() ? std::nullopt : std::optional(next.Top().first);
  // The earlier one of two is asked for first, as ever.
  for (auto id = some.rbegin(); id != some.rend(); ++id) {
    AskSegment(step, *step.state.Find(*id), /*measures_all=*/false);
  }
  step.judged_left = std::max<int64_t>(0, step.judged_left - std::ssize(some));
  return rest;
}

}  // namespace

void VoidCredit(Step& step, AccountId account) {
  const bool is_all = VoidSome(step, account, step.now);
  SetMark(step, account, &Account::void_until,
          is_all ? std::nullopt : std::optional(step.now));
}

void AskImmature(Step& step, AccountId account) {
  SetMark(step, account, &Account::examine_until,
          ExamineSome(step, account, step.now));
}

bool JudgeSome(Step& step) {
  const absl::btree_set<AccountId> judged = step.state.accounts().judged();
  for (const AccountId id : judged) {
    if (step.judged_left <= 0) break;
    if (const auto until = step.state.Find(id)->void_until) {
      if (!VoidSome(step, id, *until)) continue;
      SetMark(step, id, &Account::void_until, std::nullopt);
    }
    if (step.judged_left <= 0) break;
    if (const auto until = step.state.Find(id)->examine_until) {
      SetMark(step, id, &Account::examine_until, ExamineSome(step, id, *until));
    }
  }
  return !judged.empty();
}

}  // namespace archpool::proof
