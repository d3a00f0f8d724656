// SPDX-License-Identifier: Apache-2.0
// Every input of the core. A command is plain data, validated in common/wire;
// whatever is random in it (tokens, secrets) was drawn at the edge. Each names
// the errors that the core adds; `caller` is the authenticated account.
#ifndef ARCHPOOL_SERVER_CORE_COMMANDS_COMMANDS_H_
#define ARCHPOOL_SERVER_CORE_COMMANDS_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/model/arithmetic.h"
#include "server/core/commands/audit_commands.h"
#include "server/core/commands/invitation_commands.h"
#include "server/core/commands/payout_commands.h"
#include "server/core/commands/quota_commands.h"
#include "server/core/commands/storage_commands.h"
#include "server/core/commands/token_commands.h"
#include "server/core/records/entities.h"
#include "server/core/rules/worker_means.h"

namespace archpool {

// Idempotent by name, role and token. ALREADY_EXISTS (ACCOUNT_NAME_TAKEN,
// TOKEN_TAKEN).
struct CreateAccount {
  std::string name;
  Role role = Role::kClient;
  Digest token_hash;
  // The operator who asks; unset: nobody's act is noted (operator_acts.h).
  AccountId by = {};
  using Reply = Account;
};

// Idempotent. NOT_FOUND (ACCOUNT_UNKNOWN).
struct SetAccountState {
  std::string name;
  AccountState state = AccountState::kActive;
  AccountId by = {};  // as in CreateAccount, like those that follow
  using Reply = Account;
};

// Whether clients see the caller's name. Idempotent.
struct SetVisibility {
  AccountId caller;
  bool is_public = false;
  using Reply = Account;
};

// Idempotent by request_id. NOT_FOUND (ACCOUNT_UNKNOWN); INVALID_ARGUMENT
// (AMOUNT_RANGE).
struct Deposit {
  std::string account_name;
  Amount amount = 0;
  std::string request_id;
  // What the archive says of the request; LookUp sets it.
  std::optional<TransferId> earlier = std::nullopt;
  AccountId by = {};
  using Reply = TransferId;
};

// Idempotent: the blobs are durable already.
struct RegisterDataset {
  AccountId caller;
  DatasetManifest manifest;
  Digest held_out;
  // What the archive has of it; LookUp sets it.
  std::optional<DatasetRecord> earlier = std::nullopt;
  int64_t split_bytes = 0;         // CountedBytes of the three blobs
  std::vector<Digest> files = {};  // the caller's, from which it was cut
  std::optional<Digest> split_key = std::nullopt;  // by which it was cut
  using Reply = DatasetRecord;
};

// Idempotent by (caller, request_id). ALREADY_EXISTS (REQUEST_ID_REUSED: of
// another task); NOT_FOUND (DATASET_UNKNOWN: not there, or not the caller's);
// FAILED_PRECONDITION (DATASET_DROPPED, ACCOUNT_SUSPENDED, BALANCE_TOO_LOW,
// TOO_MANY_TASKS, TASK_QUOTA: of this client's, PRICE_TOO_LOW);
// RESOURCE_EXHAUSTED (TASKS_TOO_OFTEN); INVALID_ARGUMENT
// (TaskSpec::ValidateNew's, CheckTraining's, and BUDGET_TOO_SMALL).
struct SubmitTask {
  AccountId caller;
  TaskSpec spec;
  std::string request_id;
  Digest secret;
  // Accepted trials of the client's ended tasks on the same dataset under the
  // same recipe, with their architectures as they are spelt in this space
  // (CollectKnownResults, kKnownResultsMax at most): bought already, so neither
  // trained nor paid again. REQUIRES: each spelling is of the trial's network.
  std::vector<Trial> known = {};
  // Where set, nothing is opened, and no dataset looked for: whether a task on
  // one like it would be.
  std::optional<DatasetManifest> only_check = std::nullopt;
  // What the archive says of the request and has of the dataset; LookUp sets
  // both.
  std::optional<Task> earlier = std::nullopt;
  std::optional<DatasetRecord> dataset = std::nullopt;
  using Reply = TaskId;
};

inline constexpr size_t kKnownResultsMax = 10'000;

// Idempotent. NOT_FOUND (TASK_UNKNOWN). The edge has checked that the caller is
// an operator, or that it is the task's client (`client` set).
struct CancelTask {
  TaskId task;
  std::optional<AccountId> client;
  AccountId by = {};
  using Reply = TaskState;
};

// The same worker name again closes the account's earlier session of that name
// and hands its leases on. FAILED_PRECONDITION (CheckArithmetic's).
struct OpenSession {
  AccountId caller;
  std::string worker_name;
  int64_t threads = 1;
  std::string arithmetic = std::string(kArithmetic);
  PublicKey key = {};  // its commitments are signed with
  using Reply = SessionId;
};

// What a task's search policy would try next, best first; replaces the ranking
// before. Candidates that are of no use (tried meanwhile, in a box that is
// done, impossible) are passed over when work is given out. From the policy
// that runs beside the core (server/search). NOT_FOUND (TASK_UNKNOWN);
// INVALID_ARGUMENT (RANKING_RANGE: too long, or not of the task's space).
struct RankCandidates {
  TaskId task;
  int64_t verdicts_seen = 0;
  std::vector<Architecture> candidates;  // kRankingMax at most
  struct Reply {};
};
inline constexpr size_t kRankingMax = 16'384;

// A worker takes the next lease while it works on the last, so it says which it
// holds: a live lease that it does not name is handed to it again. NOT_FOUND
// (SESSION_UNKNOWN); FAILED_PRECONDITION (ACCOUNT_SUSPENDED).
struct AcquireLease {
  AccountId caller;
  SessionId session;
  std::vector<LeaseId> holding;
  // Tasks that pay less are passed over; micro-coins for an hour of the
  // reference core.
  Amount price_min = 0;
  // Nothing is given that needs more.
  WorkerMeans means;
  struct Reply {
    std::optional<LeaseGrant> grant;
    std::string idle_reason;   // NO_OPEN_TASK, ALL_SUBSPACES_LEASED, …
    std::string idle_message;  // where there is no grant
  };
};

// Extends a live lease to now + policy.silence_term. Idempotent. NOT_FOUND
// (SESSION_UNKNOWN); FAILED_PRECONDITION (LEASE_ENDED).
struct RenewLease {
  AccountId caller;
  SessionId session;
  LeaseId lease;
  struct Reply {
    absl::Time expire_time;
    // Trials of it that somebody else committed first: stop them.
    std::vector<TrialId> withdrawn;
  };
};

// Idempotent. NOT_FOUND (SESSION_UNKNOWN, LEASE_UNKNOWN). Those of its trials
// that are said to be impossible are not given to the account again.
struct ReleaseLease {
  AccountId caller;
  SessionId session;
  LeaseId lease;
  int64_t attempt = 0;
  std::vector<TrialId> impossible = {};
  struct Reply {};
};

// Makes what this server needs of records that an older one wrote:
// first receipts, and the end of what was trained in an arithmetic that was
// replaced (docs/protocol.md#a-new-arithmetic).
// The engine's first command after every load; changes nothing the second time.
struct UpgradeRecords {
  struct Reply {};
};

// Time passed. Closes what is due, a bounded number of records a tick. A tick
// that comes late, or the first one of a loaded state, begins to add the time
// in which the pool was away to everything that was to be done by then; where
// that is much, the next ones continue. Meanwhile every other command but
// UpgradeRecords answers UNAVAILABLE (POOL_RETURNS), and changes nothing.
struct Tick {
  // What is due later is left for another tick: signs of life from before may
  // still be waiting.
  absl::Time closes_until = absl::InfiniteFuture();
  struct Reply {
    bool more = false;  // more is due, or to be added: tick again at once
    // A settlement continues with the next tick; others may come before it.
    bool settles = false;
  };
};

// In maintenance nothing expires and nothing is leased; its time is added to
// every deadline when it ends. Idempotent; unset it changes nothing, and says
// how it is. The edge has checked that who changes it is an operator.
struct SetMaintenance {
  std::optional<bool> on = std::nullopt;
  AccountId by = {};
  using Reply = PoolClock;
};

// A file that was asked of a trial's miner is coming: this many bytes of it
// came since the last word, within so much time. At
// PoolPolicy::upload_rate_least or more that time does not count, nor for what
// else is asked of its worker, which waits for the same line; in all no longer
// than about twice what sending all of it takes at that rate, so that nobody
// holds an answer open by a trickle.
struct NoteUpload {
  AccountId caller;
  TrialId trial;
  int64_t bytes = 0;
  absl::Duration within;
  struct Reply {
    bool is_extended = false;
  };
};

// The pool refused files for reasons of its own: what it asked miners for may
// come later by so much, up to PoolPolicy::refused_time_max for each answer. A
// bounded number of answers, those due last first; the caller repeats it for
// the others. Where its disk is full, not those of accounts that filled it.
struct ExtendAnswers {
  absl::Duration by;
  absl::Time before = absl::InfiniteFuture();  // these alone
  bool is_disk_full = false;
  struct Reply {
    int64_t extended = 0;
    int64_t withheld = 0;                   // of `fillers`
    std::vector<AccountId> fillers;         // that filled the disk
    std::optional<absl::Time> rest_before;  // of the others, where there are
  };
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_COMMANDS_COMMANDS_H_
