// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/policy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/core/rules/work_price.h"

namespace archpool {
namespace {

// "12.5": of 100, from millionths of 1.
std::string Percent(int64_t ppm) {
  std::string text =
      absl::StrCat(ppm / 10'000, ".", absl::Dec(ppm % 10'000, absl::kZeroPad4));
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string DescribeLeasts(const PoolPolicy& policy) {
  if (policy.price_min == 0) return "";
  return absl::StrCat(". No task pays less than ",
                      DescribePrice(policy.price_min), " for its work");
}

}  // namespace

absl::Duration PauseAfter(const PoolPolicy& policy, int64_t failures) {
  constexpr int64_t kDoublingsMax = 20;
  const int64_t doublings = std::clamp<int64_t>(failures - 1, 0, kDoublingsMax);
  return std::min(policy.failure_pause * (int64_t{1} << doublings),
                  policy.failure_pause_max);
}

std::string DescribeTerms(const PoolPolicy& policy) {
  const std::string rule =
      policy.reward_rule == RewardRule::kProportional
          ? "when a task ends, however it ends, its accepted work is paid at "
            "the task's price per work unit (proportional)"
          : absl::StrCat(
                "when a task ends, however it ends, the worth of its accepted "
                "work is paid to the accounts that are still owed for the "
                "pool's last ",
                policy.pplns_window_units,
                " work units of any task, at those tasks' prices (pplns)");
  return absl::StrCat("The pool keeps ", Percent(policy.fee_ppm),
                      " % of a reward; ", rule, DescribeLeasts(policy),
                      ". Finders of a task's best networks share its bonus.");
}

}  // namespace archpool
