// SPDX-License-Identifier: Apache-2.0
// The record of a trial: what was given out, committed to, measured, decided
// and paid. Part of server/core/records/entities.h, which says what records
// are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_TRIAL_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_TRIAL_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/base/words.h"
#include "common/crypto/sha256.h"
#include "common/crypto/signature.h"
#include "common/model/ids.h"
#include "common/model/task_spec.h"
#include "common/nas/search_space.h"

namespace archpool {

// kCommitted: reported. kUploaded: its weights are durable, where they are
// wanted. kAccepted, kRejected: the verdict, of which the first may not be the
// last. kAbandoned: given up before it was reported.
enum class TrialState {
  kAssigned,
  kCommitted,
  kUploaded,
  kAccepted,
  kRejected,
  kAbandoned
};
template <>
inline constexpr const char* kWordsOf<TrialState>[] = {
    "assigned", "committed", "uploaded", "accepted", "rejected", "abandoned"};
// Committed or uploaded: a verdict is awaited.
bool IsPending(TrialState state);
// Accepted or rejected.
inline bool HasVerdict(TrialState state) {
  return state == TrialState::kAccepted || state == TrialState::kRejected;
}

// What an accepted verdict rests on. A later audit may raise it.
enum class TrialBasis {
  kSampledOut,  // committed, and not drawn
  kUnverified,  // drawn, and no verifier decided it in time
  kAudited,     // a segment was replayed, and the claim tested
  kReplayed,    // the whole training was
};
template <>
inline constexpr const char* kWordsOf<TrialBasis>[] = {
    "sampled_out", "unverified", "audited", "replayed"};

// The reason of an abandoned trial whose architecture somebody else committed
// first, as a backup or before one. If it is committed anyway before its
// upload_deadline (a heartbeat may be under way), and the budget has it still,
// it is paid as work.
inline constexpr char kSuperseded[] = "SUPERSEDED";
// Why a trial that was given back is not given to its account again: its
// machine cannot train it.
inline constexpr char kImpossible[] = "IMPOSSIBLE";

// What a miner bound itself to by its report, and what the pool drew then.
struct Commitment {
  // If the training diverged, the step that was not done, from 0: its work
  // units count those before it alone.
  std::optional<int64_t> diverged_at_step;
  Digest checkpoint_root;
  Digest weights_digest;
  int64_t weights_size_bytes = 0;
  int64_t claimed_correct = 0;  // on the validation split
  absl::Duration train_time;
  Signature signature;
  SessionId session;                      // of the worker that reported it
  std::optional<absl::Time> commit_time;  // unset: nobody noted it
  // The chance with which it was drawn for an audit, in millionths.
  int64_t draw_ppm = 0;

  friend bool operator==(const Commitment&, const Commitment&) = default;
};

// How many examples of each split its weights get right, as a verifier saw.
struct Measured {
  int64_t validation_correct = 0;
  int64_t held_out_correct = 0;

  friend bool operator==(const Measured&, const Measured&) = default;
};

// What the verdict on a trial is beside its state: of one that was accepted, or
// rejected.
struct Verdict {
  std::optional<TrialBasis> basis;  // of an accepted one, always
  // The accuracy on the held-out split, once it was accepted with that
  // measured.
  std::optional<int64_t> verified_accuracy_ppm;
  // Its block's draws were clean: no later rejection takes its credit.
  bool is_matured = false;
  // Its whole replay was never decided: it is paid, and does not win.
  bool is_barred = false;

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// What a trial came to in money; under RewardRule::kPplns what it earned, from
// when its credit matured, and of a rejected one what it had been paid by then.
struct TrialSettlement {
  Amount pay = 0;
  Amount finders_bonus = 0;

  friend bool operator==(const TrialSettlement&,
                         const TrialSettlement&) = default;
};

struct Trial {
  TrialId id;
  TaskId task;
  SubspaceId subspace;
  LeaseId lease;
  AccountId account;
  Architecture architecture;
  Digest architecture_id;
  int64_t parameters = 0;
  int64_t macs = 0;
  WorkUnits work_units = 0;
  // In a recipe with several rungs: how far this trial trains the network, and
  // the trial of the rung below whose weights it continues from (unset: it
  // trains from the start).
  int64_t rung = 0;
  TrialId resumes;
  // A result that the client bought in an earlier task: that trial, whose
  // account, lease and weights this one names. Neither counted nor paid.
  TrialId known_from;
  TrialState state = TrialState::kAssigned;
  absl::Time create_time;
  // The arithmetic of the worker that reported it, or was to when another was
  // faster; else "". What was trained in another one than the pool's cannot be
  // replayed.
  std::string arithmetic;
  // From its report on: of a trial that was neither assigned nor abandoned.
  std::optional<Commitment> commitment;
  // Until when its miner may send its weights, once it is committed; until when
  // it may commit it anyway, where it is kSuperseded.
  std::optional<absl::Time> upload_deadline;
  // Whatever the verdict is.
  std::optional<Measured> measured;
  // From its first verdict on (VerdictIn).
  std::optional<Verdict> verdict;
  // Its result is no better than a guess (common/model/chance.h): by its claim
  // until it was measured. Paid like any other work once it is accepted, and
  // never more than that: no finalist, and no basis for the next rung.
  bool is_at_chance = false;
  absl::Duration audit_time;  // that verifiers spent on it
  // The reason of a rejection, or kSuperseded or kImpossible of an abandoned
  // trial; "" otherwise.
  std::string reason;
  // Where it came to anything (SetSettlement).
  std::optional<TrialSettlement> settlement;

  friend bool operator==(const Trial&, const Trial&) = default;
};

// REQUIRES: it was committed.
const Commitment& CommitmentOf(const Trial& trial);

// The infinite past where nobody noted it. REQUIRES: it was committed.
absl::Time CommitTimeOf(const Trial& trial);

// Made where there is none yet.
inline Verdict& VerdictIn(Trial& trial) {
  return trial.verdict ? *trial.verdict : trial.verdict.emplace();
}

// Unset unless it was accepted.
inline std::optional<TrialBasis> BasisOf(const Trial& trial) {
  return trial.verdict ? trial.verdict->basis : std::nullopt;
}

inline std::optional<int64_t> VerifiedAccuracyPpm(const Trial& trial) {
  return trial.verdict ? trial.verdict->verified_accuracy_ppm : std::nullopt;
}

inline bool IsMatured(const Trial& trial) {
  return trial.verdict && trial.verdict->is_matured;
}

inline bool IsBarred(const Trial& trial) {
  return trial.verdict && trial.verdict->is_barred;
}

// Nothing, where there is none.
inline TrialSettlement SettlementOf(const Trial& trial) {
  return trial.settlement.value_or(TrialSettlement());
}

// One that comes to nothing is none: so a trial is the same after it was
// loaded.
inline void SetSettlement(Trial& trial, const TrialSettlement& settlement) {
  trial.settlement.reset();
  if (settlement != TrialSettlement()) trial.settlement = settlement;
}

// Whether a segment of it was replayed, or the client knew it before: nothing
// grows from a result that was taken without a check.
inline bool IsSeen(const Trial& trial) {
  return trial.known_from.IsSet() || BasisOf(trial) >= TrialBasis::kAudited;
}

// Whether it is a result that others are measured by: it may win, and be gone
// on from.
inline bool IsResult(const Trial& trial) {
  return trial.state == TrialState::kAccepted &&
         BasisOf(trial) != TrialBasis::kUnverified && !IsBarred(trial) &&
         !trial.is_at_chance;
}

// Its result on the validation split: as measured, else as claimed.
// REQUIRES: it was measured or committed.
int64_t ValidationCorrect(const Trial& trial);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_TRIAL_RECORDS_H_
