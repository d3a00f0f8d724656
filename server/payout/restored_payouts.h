// SPDX-License-Identifier: Apache-2.0
// What left a pool between a backup's snapshot and its restore: the rail has
// payouts that the restored books have not. Until they are booked, nothing may
// be sent, or their money would be sent once more.
#ifndef ARCHPOOL_SERVER_PAYOUT_RESTORED_PAYOUTS_H_
#define ARCHPOOL_SERVER_PAYOUT_RESTORED_PAYOUTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "server/engine/engine.h"
#include "server/payout/rail.h"

namespace archpool {

// What the operator says was paid since the snapshot, where the rail cannot
// (docs/backups.md): a file among the batches, a list of
//   {"account": NAME, "address": …, "coins": "12.5", "reference": …}
//     paid, and in no batch that is here; and of
//   {"key": KEY, "account": NAME}
//     the payout of that key was this account's; "" for nobody's that is known
//     here, and nothing is booked.
// An empty list says that nothing was paid but what the batches tell.
// It is called kPaidSinceBackup.
struct PaidByHand {
  struct Payment {
    std::string account;
    std::string address;
    Amount amount = 0;
    std::string reference;
    // Made of the above, and of how many equal ones stand before it.
    Digest key;
  };
  std::vector<Payment> payments;
  std::map<Digest, std::string> accounts;  // by key
};

// Pure. INVALID_ARGUMENT (PAID_MALFORMED), which names the entry.
absl::StatusOr<PaidByHand> ParsePaidByHand(absl::string_view text);

struct RestoredPayoutsOptions {
  std::string folder;        // of the batches
  absl::Time snapshot_time;  // of the backup
  // Those of the keys that the books have, as a payout's own or in its reason
  // (BookLostPayout).
  std::function<absl::StatusOr<std::set<Digest>>(const std::vector<Digest>&)>
      find_known;
  // Everything is booked: durable once it answers OK.
  std::function<absl::Status()> end;
  absl::Duration interval = absl::Seconds(5);  // between two tries
  absl::Duration line_interval = absl::Minutes(10);
};

// One thread at a time.
class RestoredPayouts {
 public:
  // All outlive this.
  RestoredPayouts(const Clock& clock, Engine& engine, Rail& rail,
                  RestoredPayoutsOptions options);

  // Whether payouts may continue. Until then it tries again, no more often than
  // every `interval`, and says what it waits for.
  bool Settle();

 private:
  absl::Status TryToSettle();
  absl::Status HearOfOpen(const RailList& list);
  absl::Status Book(const std::vector<BookLostPayout>& lost);

  const Clock& clock_;
  Engine& engine_;
  Rail& rail_;
  const RestoredPayoutsOptions options_;
  absl::Time next_try_ = absl::InfinitePast();
  absl::Time next_line_ = absl::InfinitePast();
  bool is_settled_ = false;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_PAYOUT_RESTORED_PAYOUTS_H_
