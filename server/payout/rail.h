// SPDX-License-Identifier: Apache-2.0
// A rail takes money out of the pool: a bank's interface, a public chain, an
// operator with a list. It knows a payout by its key: sent again under the same
// key it must move nothing more.
#ifndef ARCHPOOL_SERVER_PAYOUT_RAIL_H_
#define ARCHPOOL_SERVER_PAYOUT_RAIL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/core/commands/payout_commands.h"

namespace archpool {

struct RailAnswer {
  RailWord word = RailWord::kDoubt;
  std::string reference;  // the rail's own, of the payout or of its batch
  std::string reason;     // [A-Z0-9_], of a refusal or a doubt
};

// The reason of a doubt where no answer came at all: others need not be asked
// about just then.
inline constexpr char kRailUnreachable[] = "RAIL_UNREACHABLE";

// A payout as a rail knows it, and what it says of it.
struct RailPayout {
  Digest key;
  std::string address;
  Amount amount = 0;
  AccountId account;  // unset where the rail was not told
  RailAnswer answer;
};

struct RailList {
  std::vector<RailPayout> payouts;
  // Whether the rail knows that there are no others.
  bool is_complete = false;
};

// One thread at a time. Calls end in bounded time, and fail by kDoubt alone.
class Rail {
 public:
  virtual ~Rail() = default;

  // One answer for each payout, in their order. Payouts in flight when this
  // process ends are resolved through LookUp after a restart.
  virtual std::vector<RailAnswer> Send(absl::Span<const Payout> payouts) = 0;

  // How it ended. kNeverSeen only where the rail itself says that it knows
  // no such key: the payout is sent again then.
  virtual RailAnswer LookUp(const Payout& payout) = 0;

  // What it was given at `time` or later, perhaps with earlier ones: asked by a
  // pool that was restored from a backup. A rail that cannot list answers an
  // incomplete list. The error says why it cannot be asked just now.
  virtual absl::StatusOr<RailList> ListSince(absl::Time /*time*/) {
    return RailList();
  }
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_PAYOUT_RAIL_H_
