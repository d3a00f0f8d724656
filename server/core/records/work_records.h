// SPDX-License-Identifier: Apache-2.0
// The records of work in progress: workers and leases.
// Part of server/core/records/entities.h, which says what records are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_WORK_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_WORK_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/words.h"
#include "common/crypto/signature.h"
#include "common/model/ids.h"
#include "common/model/moments.h"

namespace archpool {

// What the pool has seen of a miner, or of one of its workers; updated when a
// lease ends. From the pool's own clock and verdicts alone.
struct Performance {
  Moments pace_permille;  // time per work unit; 1000 is the reference core's
  int64_t leases_completed = 0;
  int64_t leases_lost = 0;    // given up, or gone silent
  absl::Duration lease_time;  // spent under leases: losses over it, the hazard
  std::optional<absl::Time> last_commit_time;

  friend bool operator==(const Performance&, const Performance&) = default;
};

// kClosed: the same worker has registered again.
enum class SessionState { kOpen, kClosed };
template <>
inline constexpr const char* kWordsOf<SessionState>[] = {"open", "closed"};

struct Session {
  SessionId id;
  AccountId account;
  std::string worker_name;
  int64_t threads = 1;
  std::string arithmetic;  // that it trains in (common/model/arithmetic.h)
  PublicKey key;           // signs its commitments
  SessionState state = SessionState::kOpen;
  absl::Time create_time;
  Performance performance;

  friend bool operator==(const Session&, const Session&) = default;
};

// kCompleted: all reported. kReleased: by the worker. kExpired: by time.
// kRevoked: by the pool, as where an account is suspended.
enum class LeaseState { kActive, kCompleted, kReleased, kExpired, kRevoked };
template <>
inline constexpr const char* kWordsOf<LeaseState>[] = {
    "active", "completed", "released", "expired", "revoked"};
enum class LeaseRole { kPrimary, kBackup };
template <>
inline constexpr const char* kWordsOf<LeaseRole>[] = {"primary", "backup"};

// Why a backup is wanted for a lease.
enum class BackupReason {
  kSilent,    // no heartbeat
  kSlow,      // will hardly finish in time at its present pace
  kUnproven,  // too little is known of its miner
};
template <>
inline constexpr const char* kWordsOf<BackupReason>[] = {"silent", "slow",
                                                         "unproven"};

// What the manager decided for a primary. A backup has its primary's, as it
// was then, and wants none itself.
struct BackupNeed {
  BackupReason reason = BackupReason::kSilent;
  int64_t wanted = 0;    // how many are to run beside it
  int64_t miss_ppm = 0;  // the primary's chance to miss its deadline, then

  friend bool operator==(const BackupNeed&, const BackupNeed&) = default;
};

struct Lease {
  LeaseId id;
  TaskId task;
  SubspaceId subspace;
  SessionId session;
  AccountId account;
  int64_t attempt = 0;
  LeaseRole role = LeaseRole::kPrimary;
  LeaseState state = LeaseState::kActive;
  std::vector<TrialId> trials;
  int64_t trials_target = 0;  // how far the list may grow
  absl::Time create_time;
  absl::Time expire_time;  // unless a sign of life comes before
  absl::Time deadline;     // by which the list should be done
  // Whether its box was among the task's most promising when that last
  // mattered.
  bool has_high_reward = false;
  // For a backup alone: the lease it stands by for.
  std::optional<LeaseId> primary;
  std::optional<BackupNeed> backup_need;
  // When the manager looks at its progress again, where it does.
  std::optional<absl::Time> check_time;

  friend bool operator==(const Lease&, const Lease&) = default;
};

int64_t BackupsWanted(const Lease& lease);  // 0 where there is no need
// Whether a backup is wanted because the primary is not heard any more.
bool IsSilent(const Lease& lease);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_WORK_RECORDS_H_
