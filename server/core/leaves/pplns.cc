// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/pplns.h"

#include <algorithm>
#include <tuple>

#include "common/base/check.h"
#include "server/core/leaves/reward.h"

namespace archpool {
namespace {

// Adds what `part`, sorted by account, gets of `pot`.
void Pay(Amount pot, std::vector<Owed> part, WindowSettlement& settlement) {
  std::vector<int64_t> weights;
  int64_t total = 0;
  for (const Owed& one : part) {
    weights.push_back(one.amount);
    total += one.amount;
  }
  if (pot == 0) return;
  ARCHPOOL_CHECK(pot <= total);
  // No share exceeds its weight, as the pot does not exceed their sum.
  const std::vector<Amount> amounts = SplitByRunningTotals(pot, weights, total);
  int64_t before = 0;
  AccountId latest;
  for (size_t i = 0; i < part.size(); before += weights[i++]) {
    if (part[i].account != latest) {
      latest = part[i].account;
      settlement.shares.push_back(
          {.account = latest, .pot = pot, .before = before, .total = total});
    }
    WindowShare& share = settlement.shares.back();
    share.weight += weights[i];
    share.amount += amounts[i];
    if (amounts[i] == 0) continue;
    part[i].amount -= amounts[i];
    settlement.owed.push_back(part[i]);
  }
}

}  // namespace

int64_t OwedPosition(WorkUnits units_before, WorkUnits window_units) {
  const WorkUnits slice =
      std::max<WorkUnits>(window_units / kSlicesPerWindow, 1);
  return units_before / slice * slice;
}

WindowSettlement PayThroughWindow(Amount pot, absl::Span<const Owed> owed,
                                  WorkUnits units_credited,
                                  WorkUnits window_units) {
  std::vector<Owed> inside;
  std::vector<Owed> outside;
  Amount owed_inside = 0;
  const WorkUnits begin = OwedPosition(
      std::max<WorkUnits>(units_credited - window_units, 0), window_units);
  for (const Owed& one : owed) {
    ARCHPOOL_CHECK(one.amount > 0);
    if (one.position >= begin) {
      inside.push_back(one);
      owed_inside += one.amount;
    } else {
      outside.push_back(one);
    }
  }
  for (std::vector<Owed>* part : {&inside, &outside}) {
    std::sort(part->begin(), part->end(), [](const Owed& a, const Owed& b) {
      return std::tie(a.account, a.position) < std::tie(b.account, b.position);
    });
  }
  WindowSettlement settlement;
  const Amount from_window = std::min(pot, owed_inside);
  Pay(from_window, std::move(inside), settlement);
  Pay(pot - from_window, std::move(outside), settlement);
  std::stable_sort(settlement.shares.begin(), settlement.shares.end(),
                   [](const WindowShare& a, const WindowShare& b) {
                     return a.account < b.account;
                   });
  return settlement;
}

}  // namespace archpool
