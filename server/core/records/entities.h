// SPDX-License-Identifier: Apache-2.0
// The pool's records: what the core decides about, what a row in PostgreSQL
// holds, and what the interfaces show. Value types; thread-compatible. Which
// state may follow which stands in transitions.h; the core alone makes such
// steps.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_ENTITIES_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_ENTITIES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/base/words.h"
#include "common/crypto/sha256.h"
#include "common/model/account.h"
#include "common/model/ids.h"
#include "common/model/task_spec.h"
#include "common/nas/subspace.h"
#include "server/core/records/added_time.h"
#include "server/core/records/audit_records.h"
#include "server/core/records/dataset_record.h"
#include "server/core/records/invitation_records.h"
#include "server/core/records/payout_records.h"
#include "server/core/records/reward_records.h"
#include "server/core/records/storage_records.h"
#include "server/core/records/summary_record.h"
#include "server/core/records/token_records.h"
#include "server/core/records/transfer.h"
#include "server/core/records/trial_records.h"
#include "server/core/records/verifier_records.h"
#include "server/core/records/work_records.h"

namespace archpool {

// What an operator allows an account beside what it may have by itself; 0: no
// more than that.
struct AccountQuotas {
  int64_t open_tasks = 0;
  int64_t leases = 0;
  int64_t sessions = 0;
  int64_t stored_bytes = 0;  // by its own choice

  friend bool operator==(const AccountQuotas&, const AccountQuotas&) = default;
};

struct Account {
  AccountId id;
  std::string name;
  Role role = Role::kClient;
  // SHA-256 of its first token; callers are known by AccountTokens.
  Digest token_hash;
  AccountState state = AccountState::kActive;
  int64_t trials_accepted = 0;
  // Those among them that clients of its own group pay: they prove nothing.
  int64_t trials_within_group = 0;
  int64_t trials_rejected = 0;
  int64_t trials_abandoned = 0;
  // Rejections since the last accepted trial; enough of them suspend.
  int64_t rejections_in_a_row = 0;
  // Claims in a row that a full evaluation found far too low: an honest one is
  // off by rounding.
  int64_t claims_too_low = 0;
  Performance performance;
  Moments accuracy_ppm;  // validated, of its accepted trials
  // The chance with which a trial of it is audited: all at first, fewer as
  // audits pass, all again after a failure (PoolPolicy).
  int64_t audit_rate_ppm = 1'000'000;
  // Where its money goes ("": nowhere), and from which balance on by itself (0:
  // only when asked).
  std::string payout_address;
  Amount payout_threshold = 0;
  // Which accounts share in what it is paid, in parts that add up to 1'000'000;
  // empty: it keeps all.
  std::vector<RevenuePart> split;
  WorkUnits units_credited = 0;  // ever
  // Two for each lease that it gave up, one less for each that it completed.
  // Leases given up at a time, as by a machine that went down, count once, in
  // its group too.
  int64_t give_ups = 0;
  std::optional<absl::Time> give_up_time;  // the last one's
  AccountQuotas quotas;
  // Accounts that an operator holds for one person's, or that came by each
  // other's invitations; "": it is alone. They share what one account may have.
  std::string group;
  // By whose invitation it came; unset: an operator made it by hand.
  AccountId invited_by;
  // The accounts whose splits may name it; a part from any other stays with the
  // payer.
  std::vector<AccountId> shares_from;
  // Whether clients see its name, and not its id alone.
  bool is_public = false;
  // What it committed until then, and what had not matured, is void since it
  // was convicted; written so trial by trial, until none is left.
  std::optional<absl::Time> void_until;
  // What it committed until then was taken without a check, and is asked for
  // after all; moves back as it is, the latest first.
  std::optional<absl::Time> examine_until;
  // A new address waits; until it does no longer, nothing is paid by itself.
  std::optional<NextAddress> next_address;
  // When it last began to wait for one; unset: never.
  std::optional<absl::Time> address_wait_time;

  friend bool operator==(const Account&, const Account&) = default;
};

// Accepted trials that others than its own group paid, which show what the
// account is worth.
inline int64_t ProvingTrials(const Account& account) {
  return account.trials_accepted - account.trials_within_group;
}

// Whether both are held for one person's.
inline bool AreOneGroup(const Account& a, const Account& b) {
  return !a.group.empty() && a.group == b.group;
}

// kFinishing: nothing new begins, and verdicts are awaited. An ended task never
// changes again.
enum class TaskState { kActive, kFinishing, kSucceeded, kFailed, kCancelled };
template <>
inline constexpr const char* kWordsOf<TaskState>[] = {
    "active", "finishing", "succeeded", "failed", "cancelled"};
bool IsEnded(TaskState state);  // no step leads from it

enum class EndReason {
  kBudget,
  kTarget,
  kTimeLimit,
  kExhausted,
  kCancelled,
  kNothingLearns  // the results are what guessing gives
};
template <>
inline constexpr const char* kWordsOf<EndReason>[] = {
    "budget",    "target",    "time_limit",
    "exhausted", "cancelled", "nothing_learns"};

struct Task {
  TaskId id;
  AccountId client;
  std::string request_id;  // the client's idempotency key
  std::shared_ptr<const TaskSpec> spec;
  Digest secret;  // trial keys and draws come from it; nobody sees it before
                  // the end
  int64_t cost_table_version = 0;
  RewardRule rule = RewardRule::kProportional;
  TaskState state = TaskState::kActive;
  std::optional<EndReason> end_reason;  // from kFinishing on
  absl::Time create_time;
  // As it was promised, and what is added to it: time in which the pool was not
  // there.
  absl::Time deadline;
  absl::Duration time_away;
  std::optional<absl::Time> end_time;  // once it has ended
  // The reward's parts, fixed at submission: fee + bonus + work = reward.
  Amount fee_pot = 0;
  Amount bonus_pot = 0;
  Amount work_pot = 0;
  // How they ended, once the task has ended.
  Amount fee = 0;
  Amount refund = 0;

  friend bool operator==(const Task& a, const Task& b);
};

// kCompleted: every network in it was tried. kPruned: trying more of it is not
// worth its price.
enum class SubspaceState { kOpen, kLeased, kCompleted, kPruned };
template <>
inline constexpr const char* kWordsOf<SubspaceState>[] = {
    "open", "leased", "completed", "pruned"};

// How a box came to be that was split off another: along which dimension, and
// which of that dimension's choices it took.
struct SplitOff {
  SubspaceId parent;
  int64_t dimension = 0;
  uint64_t choices = 0;
  int64_t prior_ppm = 0;  // what the parent's results promised then

  friend bool operator==(const SplitOff&, const SplitOff&) = default;
};

// A box is split in place: it keeps one part, a new record takes the other. So
// the boxes of a task are disjoint and add up to its space at every moment, and
// a lease on the part that stays continues.
struct SubspaceRecord {
  SubspaceId id;
  TaskId task;
  Subspace box;
  SubspaceState state = SubspaceState::kOpen;
  std::optional<SplitOff> split_off;  // unset: of the first partition
  std::string prune_reason;           // of a pruned one; "" otherwise
  // Counts its leases: the fencing token of the latest one.
  int64_t attempt = 0;

  friend bool operator==(const SubspaceRecord&,
                         const SubspaceRecord&) = default;
};

// The latest ranking of a task's candidates by its search policy, best first: a
// recorded input, so that a run replays.
struct Ranking {
  TaskId task;
  int64_t verdicts_seen = 0;  // by the policy, when it ranked
  std::vector<Architecture> candidates;

  friend bool operator==(const Ranking&, const Ranking&) = default;
};

// How far the pool's time has come, noted every few seconds: what lies between
// it and the next tick is time in which the pool was away.
struct PoolClock {
  absl::Time time = absl::InfinitePast();  // before the first tick
  // Since when an operator has had the pool in maintenance.
  std::optional<absl::Time> maintenance_since;
  bool InMaintenance() const { return maintenance_since.has_value(); }
  // Until it is added to everything, the time stands still.
  std::optional<AddedTime> added;
  // A server from before leaves `added` as it is when it notes the time; that
  // says nothing any more.
  bool IsAdding() const { return added && added->end == time; }

  friend bool operator==(const PoolClock&, const PoolClock&) = default;
};

// A change: the record as it is from now on. Transfers and receipts are only
// ever added.
using Event =
    std::variant<Account, DatasetRecord, Task, SubspaceRecord, Session, Lease,
                 Trial, Audit, Transfer, Balance, Ranking, Payout, Owed,
                 Receipt, PoolClock, VerifierRecord, StoredFile, StorageUse,
                 Invitation, AccountToken, StoredWeights, SummaryRecord>;

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_ENTITIES_H_
