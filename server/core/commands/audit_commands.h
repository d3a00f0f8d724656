// SPDX-License-Identifier: Apache-2.0
// The inputs of the core about proof: commitments, openings, audits. Part of
// server/core/commands/commands.h, which says what commands are.
#ifndef ARCHPOOL_SERVER_CORE_COMMANDS_AUDIT_COMMANDS_H_
#define ARCHPOOL_SERVER_CORE_COMMANDS_AUDIT_COMMANDS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/model/arithmetic.h"
#include "common/model/finding.h"
#include "server/core/leaves/verifier_book.h"
#include "server/core/records/entities.h"

namespace archpool {

// What a worker needs to know to train one trial.
struct Assignment {
  TrialId trial;
  Architecture architecture;
  Digest architecture_id;
  Digest trial_key;
  int64_t rung = 0;
  // What it continues from, as committed: so each rung's commitment is chained
  // to the one below. Unset: from the start.
  TrialId resumes;
  Digest initial_weights;
  int64_t initial_weights_size_bytes = 0;
};

// A lease as handed to its worker.
struct LeaseGrant {
  Lease lease;
  std::vector<Assignment> assignments;  // the uncommitted ones, in order
  std::shared_ptr<const TaskSpec> spec;
  DatasetManifest manifest;
  Amount price = 0;  // micro-coins for an hour of the reference core
};

// What a worker binds itself to. The edge has checked the signature.
struct TrialReport {
  TrialId trial;
  Digest weights_digest;
  int64_t weights_size_bytes = 0;
  int64_t validation_correct = 0;
  absl::Duration train_time;
  // If the training diverged, the step that was not done, from 0.
  std::optional<int64_t> diverged_at_step = std::nullopt;
  Digest checkpoint_root;
  // About the last checkpoint, whose weights are the trial's: the optimiser's
  // state, and the proof that it is the root's last leaf.
  Digest final_optimizer;
  std::vector<Digest> final_proof;
  Signature signature;
};

// A segment that the miner is to reveal by `deadline`.
struct AuditRequest {
  AuditId audit;
  TrialId trial;
  int64_t segment = 0;
  absl::Time deadline;
  // For how long after its first deadline it was waited for, since the whole
  // account was away.
  absl::Duration waited;
};

// Commits trials; the first report of a trial binds and is durable whatever
// becomes of the lease. Idempotent. NOT_FOUND (SESSION_UNKNOWN). Per report:
// TRIAL_UNKNOWN, LEASE_ENDED, LEASE_FENCED, COMMITMENT_BOUND (another report of
// that trial came before), COMMITMENT_FALSE (the weights are not the root's
// last), CLAIM_RANGE, WEIGHTS_DIGEST, WEIGHTS_SIZE.
struct ReportTrials {
  AccountId caller;
  SessionId session;
  LeaseId lease;
  int64_t attempt = 0;
  std::vector<TrialReport> reports;
  struct Result {
    TrialId trial;
    absl::Status status;
    // Where ok: whether its weights are wanted, and by when.
    bool wants_weights = false;
    absl::Time upload_deadline;
    std::optional<AuditRequest> audit;
  };
  struct Reply {
    std::vector<Result> results;
    // What the list grew by.
    std::vector<Assignment> appended;
  };
};

// Reveals the segment of an audit. Idempotent; until its files are here,
// another opening replaces it. NOT_FOUND (AUDIT_UNKNOWN: none is asked of that
// trial of this account); INVALID_ARGUMENT (OPENING_FALSE: not that segment of
// the commitment, WEIGHTS_SIZE).
struct RevealSegment {
  AccountId caller;
  TrialId trial;
  Opening opening;
  struct Reply {};
};

// How the trials ended whose checkpoints a worker keeps, and what is asked
// of them, or of trials of its account that no open session answers for any
// more and that it can train again. Changes nothing. NOT_FOUND
// (SESSION_UNKNOWN).
struct ReviewTrials {
  AccountId caller;
  SessionId session;
  std::vector<TrialId> kept;
  struct Asked {
    AuditRequest request;
    // The trial's only assignment, its checkpoints may be lost.
    LeaseGrant grant;
  };
  struct Reply {
    std::vector<TrialId> settled;  // nothing will be asked of them
    std::vector<Asked> asked;
  };
};

// A file that was asked for is durable: the trial's weights, or one of its open
// audit's checkpoint. Idempotent. NOT_FOUND (TRIAL_UNKNOWN);
// FAILED_PRECONDITION (UPLOAD_TOO_LATE, UPLOAD_NOT_WANTED).
struct ConfirmUpload {
  AccountId caller;
  TrialId trial;
  Digest digest;
  bool is_checkpoint = false;
  using Reply = TrialState;
};

// An audit as handed to a verifier.
struct AuditGrant {
  Audit audit;
  Trial trial;
  Assignment assignment;
  Digest seed;  // of what is drawn in examining it
  // When its examination must have ended, and how often its lease is to be
  // renewed until then.
  absl::Time end_time;
  absl::Duration renewal_interval;
  std::shared_ptr<const TaskSpec> spec;
  DatasetRecord dataset;
};

// Idempotent: the same verifier name gets its live audit again.
// FAILED_PRECONDITION (CheckArithmetic's, where none of its arithmetics is the
// pool's).
struct AcquireAudit {
  AccountId caller;
  std::string verifier_name;
  // Those it can compute in.
  std::vector<std::string> arithmetics = {std::string(kArithmetic)};
  // What an examination may take; 0: not said.
  int64_t memory_bytes = 0;
  using Reply = std::optional<AuditGrant>;
};

// The verifier is at work on its audit: the lease continues, at most until the
// examination must have ended. FAILED_PRECONDITION (AUDIT_SUPERSEDED);
// NOT_FOUND (AUDIT_UNKNOWN: it was decided otherwise; drop it).
struct RenewAudit {
  AccountId caller;
  AuditId audit;
  int64_t attempt = 0;
  std::string verifier_name;
  using Reply = absl::Duration;  // for how long
};

// What a verifier found; the core decides the verdict. Idempotent. NOT_FOUND
// (AUDIT_UNKNOWN); FAILED_PRECONDITION (AUDIT_SUPERSEDED); INVALID_ARGUMENT
// (FINDING_RANGE).
struct ReportAudit {
  AccountId caller;
  AuditId audit;
  int64_t attempt = 0;
  std::string verifier_name;
  AuditFinding finding;
  absl::Duration audit_time = {};
  struct Reply {
    TrialState state = TrialState::kUploaded;
    std::string reason;
  };
};

// An operator takes a trial out of an open task: rejected, unpaid, held against
// nobody. Idempotent. NOT_FOUND (TRIAL_UNKNOWN: there is none, or its task has
// ended); FAILED_PRECONDITION (TRIAL_NOT_COMMITTED).
struct VoidTrial {
  TrialId trial;
  AccountId by = {};  // as in CreateAccount
  struct Reply {};
};

// What an operator looks at. Changes nothing.
struct ReviewVerifiers {
  struct Verifier {
    VerifierKey key;
    VerifierStanding standing;
    bool is_heard = false;
    bool is_set_aside = false;  // its work is left to others
    bool is_failing = false;
    AuditId audit;  // that it has
  };
  struct Reply {
    std::vector<Verifier> verifiers;
    int64_t working = 0;     // of them
    int64_t waiting = 0;     // audits
    absl::Duration oldest;   // waits for so long
    absl::Duration backlog;  // what the open ones should take; may be infinite
  };
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_COMMANDS_AUDIT_COMMANDS_H_
