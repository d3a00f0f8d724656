// SPDX-License-Identifier: Apache-2.0
// What a database that was restored from a backup is made to know of it
// (docs/adr/0041-restore-as-after-an-outage.md), and what the server asks of it
// at its start. Functions; thread-safe. Errors of all as postgres::RunGuarded.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_RESTORE_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_RESTORE_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/sha256.h"

namespace archpool {

// What stands for the arithmetic of what was trained before a restore: its
// miners may have dropped the files that a replay needs.
inline constexpr char kArithmeticBeforeRestore[] = "before-restore";

// From where ids continue after a restore: above all that the lost pool can
// have given out since the snapshot. A second restore of one backup, later,
// continues above those of the first. Accounts are few, and each takes a place
// in every seal.
inline constexpr int64_t kIdsSkippedMin = 1'000'000;
inline constexpr int64_t kIdsSkippedPerSecond = 1'000;
inline constexpr int64_t kAccountsSkippedMin = 100;
inline constexpr int64_t kAccountsSkippedPerMinute = 1;

struct RestoreNote {
  int64_t number = 0;  // how many restores there were, with this one
  std::string backup;
  absl::Time snapshot_time;
  absl::Time restore_time;
};

// Makes a database that was filled from a backup, and has this program's
// schema, one that a pool may continue from, in one transaction: the restore is
// noted, ids continue above a floor, the writer's generation is raised, every
// payout that no rail has confirmed is to be asked after, and what was trained
// before is not replayed any more. Answers the restore's number. `note.number`
// is not read.
absl::StatusOr<int64_t> NoteRestore(const std::string& connection_string,
                                    const RestoreNote& note);

// The latest restore, where payouts are held since; nullopt otherwise.
absl::StatusOr<std::optional<RestoreNote>> FindPayoutHold(
    const std::string& connection_string);

// What was paid meanwhile is in the books. Idempotent.
absl::Status EndPayoutHold(const std::string& connection_string,
                           absl::Time now);

// Those of `keys` that a payout in the books has, ended or not, as its own or
// in its reason (BookLostPayout).
absl::StatusOr<std::set<Digest>> FindPayoutKeys(
    const std::string& connection_string, const std::vector<Digest>& keys);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_RESTORE_H_
