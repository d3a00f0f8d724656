// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/quotas.h"

#include <algorithm>

#include "absl/numeric/int128.h"

namespace archpool {
namespace {

// Leases are given up for good reasons too: what counts is that they are more
// than a third of all.
constexpr int64_t kPerGiveUp = 2;
constexpr absl::Duration kPauseMin = absl::Seconds(1);
constexpr absl::Duration kPauseMax = absl::Minutes(10);
constexpr int64_t kDoublingsMax = 10;
constexpr int64_t kSharersMax = 4;
constexpr int64_t kOpeningsOnTrust = 64;
// For how long a proven account counts as there after its last commitment.
constexpr absl::Duration kProvenTerm = absl::Hours(24);

}  // namespace

bool IsProven(const Account& account) {
  return account.trials_accepted >= kProvenTrials;
}

int64_t OpenTasksOf(const PoolState& state, AccountId client) {
  return std::count_if(
      state.tasks().all().begin(), state.tasks().all().end(),
      [client](const auto& entry) { return entry.second.client == client; });
}

int64_t OpenTasksMax(const PoolPolicy& policy, const Account& account) {
  return std::max(policy.open_tasks_per_client_max, account.quotas.open_tasks);
}

int64_t LeasesMax(const PoolPolicy& policy, const Account& account) {
  return std::max(policy.leases_on_trust + account.trials_accepted,
                  account.quotas.leases);
}

int64_t SessionsMax(const PoolPolicy& policy, const Account& account) {
  return std::max(policy.open_sessions_per_account_max,
                  account.quotas.sessions);
}

int64_t SessionOpeningsMax(int64_t sessions) {
  return kOpeningsOnTrust + 2 * sessions;
}

void CountGiveUp(Account& account, const Lease& lease, bool lost,
                 absl::Time now) {
  if (!lost) {
    account.give_ups = std::max<int64_t>(0, account.give_ups - 1);
    return;
  }
  if (account.give_up_time && lease.create_time < *account.give_up_time) return;
  account.give_ups += kPerGiveUp;
  account.give_up_time = now;
}

absl::Duration PauseLeft(const PoolPolicy& policy, const Account& account,
                         absl::Time now) {
  const int64_t beyond =
      account.give_ups / kPerGiveUp - LeasesMax(policy, account);
  if (beyond <= 0 || !account.give_up_time) return absl::ZeroDuration();
  const absl::Duration pause =
      std::min(kPauseMax,
               kPauseMin * (int64_t{1} << std::min(beyond - 1, kDoublingsMax)));
  return std::max(absl::ZeroDuration(), *account.give_up_time + pause - now);
}

WorkUnits UnitsFor(const PoolState& state, const PoolPolicy& policy,
                   const Task& task, const Account& account, absl::Time now) {
  if (IsProven(account)) return INT64_MAX;
  const auto& reserved_by = state.IndexOf(task.id).tally.reserved_units_by;
  if (now - state.accounts().proven_commit_time() > kProvenTerm) {
    // Nobody is proven: as many as are there share it, and nobody holds more
    // than a quarter where there are four.
    const auto own = reserved_by.find(account.id);
    const int64_t sharers = state.sessions().AccountCount(kSharersMax);
    if (own == reserved_by.end() || sharers <= 1) return INT64_MAX;
    return std::max<WorkUnits>(
        0, task.spec->budget.work_units / sharers - own->second);
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
