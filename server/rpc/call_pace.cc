// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call_pace.h"

#include <algorithm>

namespace archpool::rpc {
namespace {

constexpr absl::Duration kSweepInterval = absl::Seconds(60);

}  // namespace

absl::Duration CallPace::Charge(AccountId account, bool came_to_nothing,
                                int64_t sessions, absl::Time now) {
  ForgetPaid(now);
  const double rate_per_s =
      std::min(limits_.rate_per_s +
                   limits_.session_rate_per_s * static_cast<double>(sessions),
               limits_.rate_max_per_s);
  const absl::Duration cost =
      absl::Seconds((came_to_nothing ? limits_.nothing_cost : 1) / rate_per_s);
  absl::Time& until = paid_until_.try_emplace(account, now).first->second;
  until = std::min(std::max(until, now) + cost,
                   now + limits_.burst + limits_.debt_max);
  return std::clamp(until - now - limits_.burst, absl::ZeroDuration(),
                    limits_.delay_max);
}

void CallPace::ForgetPaid(absl::Time now) {
  if (now < next_sweep_) return;
  next_sweep_ = now + kSweepInterval;
  absl::erase_if(paid_until_,
                 [now](const auto& one) { return one.second <= now; });
}

}  // namespace archpool::rpc
