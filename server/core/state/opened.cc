// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/opened.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace archpool {
namespace {

constexpr int64_t kSessionsOnTrust = 64;
constexpr int64_t kSessionsPerWorker = 2;

// The accounts of its group, or it alone.
std::vector<AccountId> OnePersonsAccounts(const PoolState& state,
                                          const Account& account) {
  if (account.group.empty()) return {account.id};
  const auto& group = state.accounts().InGroup(account.group);
  return {group.begin(), group.end()};
}

// What is left to the account of what its group may open.
int64_t LeftBy(int64_t others, int64_t own_max, int64_t group_max) {
  return std::min(own_max, std::max<int64_t>(0, group_max - others));
}

}  // namespace

int64_t OpenedBy(const OpenedByAccount& opened, AccountId account,
                 absl::Time now) {
  const auto found = opened.find(account);
  return found == opened.end() || found->second.IsOver(now)
             ? 0
             : found->second.count;
}

int64_t OpenedByOthers(const PoolState& state, const OpenedByAccount& opened,
                       const Account& account, absl::Time now) {
  int64_t count = 0;
  for (const AccountId id : OnePersonsAccounts(state, account)) {
    if (id != account.id) count += OpenedBy(opened, id, now);
  }
  return count;
}

int64_t SessionsOpenedMax(const PoolState& state, const Memory& memory,
                          const Account& account, absl::Time now) {
  int64_t workers = 0;
  for (const AccountId id : OnePersonsAccounts(state, account)) {
    workers += state.sessions().CountOf(id);
  }
  return LeftBy(OpenedByOthers(state, memory.sessions_opened, account, now),
                kSessionsOnTrust +
                    kSessionsPerWorker * state.sessions().CountOf(account.id),
                kSessionsOnTrust + kSessionsPerWorker * workers);
}

int64_t BoxesOpenedMax(const PoolState& state, const Memory& memory,
                       const PoolPolicy& policy, const Account& account,
                       absl::Time now) {
  return LeftBy(OpenedByOthers(state, memory.boxes_opened, account, now),
                policy.boxes_per_hour_max, policy.boxes_per_hour_max);
}

void NoteOpened(OpenedByAccount& opened, AccountId account, int64_t count,
                absl::Time now) {
  Openings& openings = opened[account];
  if (openings.IsOver(now)) openings = {.begin = now};
  openings.count += count;
}

absl::Duration UntilRoom(const PoolState& state, const OpenedByAccount& opened,
                         const Account& account, absl::Time now,
                         absl::FunctionRef<bool(absl::Time)> has_room) {
  std::vector<absl::Time> ends;
  for (const AccountId id : OnePersonsAccounts(state, account)) {
    const auto found = opened.find(id);
    if (found == opened.end() || found->second.IsOver(now)) continue;
    ends.push_back(found->second.begin + kOpeningsTerm);
  }
  std::sort(ends.begin(), ends.end());
  for (const absl::Time end : ends) {
    if (has_room(end)) return end - now;
  }
  return kOpeningsTerm;
}

std::string DescribeOpened(const PoolState& state,
                           const OpenedByAccount& opened,
                           const Account& account, absl::Time now,
                           absl::string_view things,
                           absl::FunctionRef<bool(absl::Time)> has_room) {
  const int64_t by_others = OpenedByOthers(state, opened, account, now);
  const absl::Duration left = UntilRoom(state, opened, account, now, has_room);
  return absl::StrCat(
      OpenedBy(opened, account.id, now), " ", things, " within the hour",
      by_others > 0 ? absl::StrCat(", the others of its group ", by_others)
                    : "",
      "; the next may be opened in ",
      absl::FormatDuration(absl::Ceil(left, absl::Seconds(1))));
}

}  // namespace archpool
