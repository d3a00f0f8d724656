// SPDX-License-Identifier: Apache-2.0
// Pay per last N work units, across tasks. When a task ends, what its accepted
// work is worth goes to the accounts that are owed for the pool's last N units,
// in proportion to what each is still owed: its units at the price of their own
// task. Where that is less than the pot, work before them gets the rest.
//
// So nobody is ever paid more than their work was worth, whichever tasks it was
// for: no task drains another, and a client who mines its own task gets back
// less than it brought (docs/adr/0016-pay-what-is-owed.md). Pure; thread-safe.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_PPLNS_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_PPLNS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/model/ids.h"
#include "server/core/records/reward_records.h"

namespace archpool {

// The window is as exact as a slice of it.
inline constexpr int64_t kSlicesPerWindow = 64;

// Where what is credited at `units_before` of the pool's work is kept.
int64_t OwedPosition(WorkUnits units_before, WorkUnits window_units);

// One account's part of one part of the pot; weights as SplitByRunningTotals
// takes them.
struct WindowShare {
  AccountId account;
  Amount pot = 0;
  int64_t before = 0;
  int64_t weight = 0;
  int64_t total = 0;
  Amount amount = 0;
};

struct WindowSettlement {
  std::vector<Owed> owed;           // those that changed, as they are now
  std::vector<WindowShare> shares;  // by account; the amounts add up to the pot
};

// `owed`: all that is positive, in any order. REQUIRES: it adds up to `pot` at
// least.
WindowSettlement PayThroughWindow(Amount pot, absl::Span<const Owed> owed,
                                  WorkUnits units_credited,
                                  WorkUnits window_units);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_PPLNS_H_
