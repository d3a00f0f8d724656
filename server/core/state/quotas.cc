// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/quotas.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/numeric/int128.h"
#include "server/core/state/storage.h"

namespace archpool {
namespace {

// Leases are given up for good reasons too: what counts is that they are more
// than a third of all.
constexpr int64_t kPerGiveUp = 2;
constexpr absl::Duration kPauseMin = absl::Seconds(1);
constexpr absl::Duration kPauseMax = absl::Minutes(10);
constexpr int64_t kDoublingsMax = 10;
constexpr int64_t kSharersMax = 4;
// For how long a proven account counts as there after its last commitment.
constexpr absl::Duration kProvenTerm = absl::Hours(24);

int64_t OwnLeasesMax(const PoolPolicy& policy, const Account& account) {
  return std::max(policy.leases_on_trust + ProvingTrials(account),
                  account.quotas.leases);
}

int64_t OwnSessionsMax(const PoolPolicy& policy, const Account& account) {
  return std::max(policy.open_sessions_per_account_max,
                  account.quotas.sessions);
}

// How many a group may have of something: `trust` once and not for each
// account, with what its accounts have earned, or what an operator allows them.
template <typename EarnedBy>
int64_t GroupMax(const PoolState& state, const std::string& group,
                 int64_t trust, int64_t AccountQuotas::*quota,
                 EarnedBy earned_by) {
  int64_t earned = trust;
  int64_t allowed = 0;
  for (const AccountId id : state.accounts().InGroup(group)) {
    const Account& member = *state.Find(id);
    earned += earned_by(member);
    allowed += member.quotas.*quota;
  }
  return std::max(earned, allowed);
}

// How many an account may have of something: `own_max`, or fewer where the
// others of its group have what the group may have together.
template <typename HeldBy>
int64_t WithinGroup(const PoolState& state, const Account& account,
                    int64_t own_max, int64_t group_max, HeldBy held_by) {
  int64_t held_by_others = 0;
  for (const AccountId id : state.accounts().InGroup(account.group)) {
    if (id != account.id) held_by_others += held_by(id);
  }
  return std::min(own_max, std::max<int64_t>(0, group_max - held_by_others));
}

int64_t GroupsLeasesMax(const PoolState& state, const PoolPolicy& policy,
                        const std::string& group) {
  return GroupMax(state, group, policy.leases_on_trust, &AccountQuotas::leases,
                  ProvingTrials);
}

// What leases given up come to, and when the last one was; of an account, or of
// all those of a group.
struct GiveUps {
  int64_t count = 0;
  std::optional<absl::Time> last;

  void Add(const Account& account) {
    count += account.give_ups;
    last = std::max(last, account.give_up_time);
  }
};

// The account's, and those of the others of its group.
GiveUps GiveUpsAround(const PoolState& state, const Account& account) {
  GiveUps all;
  all.Add(account);
  for (const AccountId id : state.accounts().InGroup(account.group)) {
    if (id != account.id) all.Add(*state.Find(id));
  }
  return all;
}

absl::Duration PauseAfterGivingUp(const GiveUps& given_up, int64_t leases_max,
                                  absl::Time now) {
  const int64_t beyond = given_up.count / kPerGiveUp - leases_max;
  if (beyond <= 0 || !given_up.last) return absl::ZeroDuration();
  const absl::Duration pause =
      std::min(kPauseMax,
               kPauseMin * (int64_t{1} << std::min(beyond - 1, kDoublingsMax)));
  return std::max(absl::ZeroDuration(), *given_up.last + pause - now);
}

int64_t NothingEarned(const Account&) { return 0; }

// How many people have workers here, as far as an operator knows; counts to
// kSharersMax.
int64_t SharersOf(const PoolState& state) {
  int64_t alone = 0;
  std::set<std::string> groups;
  for (AccountId id = state.sessions().AccountAfter({}); id.IsSet();
       id = state.sessions().AccountAfter(id)) {
    const std::string& group = state.Find(id)->group;
    if (group.empty()) {
      ++alone;
    } else {
      groups.insert(group);
    }
    if (alone + std::ssize(groups) >= kSharersMax) break;
  }
  return alone + std::ssize(groups);
}

// What the account and the others of its group have reserved of the task.
WorkUnits ReservedByGroup(const PoolState& state, const Task& task,
                          const Account& account) {
  WorkUnits reserved = 0;
  for (const auto& [holder, units] :
       state.IndexOf(task.id).tally.reserved_units_by) {
    if (holder == account.id || AreOneGroup(*state.Find(holder), account)) {
      reserved += units;
    }
  }
  return reserved;
}

}  // namespace

bool IsProven(const Account& account) {
  return ProvingTrials(account) >= kProvenTrials;
}

bool IsPaidWithinGroup(const PoolState& state, const Trial& trial,
                       const Account& account) {
  return AreOneGroup(*state.Find(state.Find(trial.task)->client), account);
}

void CountAccepted(const PoolState& state, const Trial& trial, int64_t change,
                   Account& account) {
  account.trials_accepted += change;
  if (!IsPaidWithinGroup(state, trial, account)) change = 0;
  // It may have joined or left the group since the trial was accepted.
  account.trials_within_group = std::clamp<int64_t>(
      account.trials_within_group + change, 0, account.trials_accepted);
}

int64_t OpenTasksOf(const PoolState& state, AccountId client) {
  return std::count_if(
      state.tasks().all().begin(), state.tasks().all().end(),
      [client](const auto& entry) { return entry.second.client == client; });
}

int64_t OpenTasksMax(const PoolState& state, const PoolPolicy& policy,
                     const Account& account) {
  const int64_t own_max =
      std::max(policy.open_tasks_per_client_max, account.quotas.open_tasks);
  if (account.group.empty()) return own_max;
  absl::btree_map<AccountId, int64_t> open;
  for (const auto& [id, task] : state.tasks().all()) ++open[task.client];
  return WithinGroup(
      state, account, own_max,
      GroupMax(state, account.group, policy.open_tasks_per_client_max,
               &AccountQuotas::open_tasks, NothingEarned),
      [&](AccountId id) { return open[id]; });
}

int64_t LeasesMax(const PoolState& state, const PoolPolicy& policy,
                  const Account& account) {
  const int64_t own_max = OwnLeasesMax(policy, account);
  if (account.group.empty()) return own_max;
  return WithinGroup(state, account, own_max,
                     GroupsLeasesMax(state, policy, account.group),
                     [&](AccountId id) { return state.leases().CountOf(id); });
}

int64_t SessionsMax(const PoolState& state, const PoolPolicy& policy,
                    const Account& account) {
  const int64_t own_max = OwnSessionsMax(policy, account);
  if (account.group.empty()) return own_max;
  return WithinGroup(
      state, account, own_max,
      GroupMax(state, account.group, policy.open_sessions_per_account_max,
               &AccountQuotas::sessions, NothingEarned),
      [&](AccountId id) { return state.sessions().CountOf(id); });
}

int64_t StoredBytesMax(const PoolState& state, const PoolPolicy& policy,
                       const Account& account) {
  const int64_t own_max =
      std::max(policy.stored_bytes_max, account.quotas.stored_bytes);
  if (account.group.empty()) return own_max;
  return WithinGroup(
      state, account, own_max,
      GroupMax(state, account.group, policy.stored_bytes_max,
               &AccountQuotas::stored_bytes, NothingEarned),
      [&](AccountId id) { return StorageOf(state, id).file_bytes; });
}

void CountGiveUp(const PoolState& state, const Lease& lease, bool lost,
                 absl::Time now, Account& account) {
  if (!lost) {
    account.give_ups = std::max<int64_t>(0, account.give_ups - 1);
    return;
  }
  const std::optional<absl::Time> last = GiveUpsAround(state, account).last;
  if (last && lease.create_time < *last) return;
  account.give_ups += kPerGiveUp;
  account.give_up_time = now;
}

absl::Duration PauseLeft(const PoolState& state, const PoolPolicy& policy,
                         const Account& account, absl::Time now) {
  GiveUps own;
  own.Add(account);
  const absl::Duration pause =
      PauseAfterGivingUp(own, OwnLeasesMax(policy, account), now);
  if (account.group.empty()) return pause;
  return std::max(
      pause,
      PauseAfterGivingUp(GiveUpsAround(state, account),
                         GroupsLeasesMax(state, policy, account.group), now));
}

WorkUnits UnitsFor(const PoolState& state, const PoolPolicy& policy,
                   const Task& task, const Account& account, absl::Time now) {
  if (IsProven(account)) return INT64_MAX;
  const auto& reserved_by = state.IndexOf(task.id).tally.reserved_units_by;
  if (now - state.accounts().proven_commit_time() > kProvenTerm) {
    // Nobody is proven: as many as are there share it, and nobody holds more
    // than a quarter where there are four. A group is one of them.
    const WorkUnits own = ReservedByGroup(state, task, account);
    const int64_t sharers = SharersOf(state);
    if (own == 0 || sharers <= 1) return INT64_MAX;
    return std::max<WorkUnits>(0, task.spec->budget.work_units / sharers - own);
  }
  WorkUnits reserved = 0;
  for (const auto& [holder, units] : reserved_by) {
    if (!IsProven(*state.Find(holder))) reserved += units;
  }
  // One of them gets to work however large a network is.
  if (reserved == 0) return INT64_MAX;
  const absl::int128 share = absl::int128(task.spec->budget.work_units) *
                             policy.unproven_share_ppm / 1'000'000;
  return std::max<WorkUnits>(0, static_cast<WorkUnits>(share) - reserved);
}

}  // namespace archpool
