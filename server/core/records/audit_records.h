// SPDX-License-Identifier: Apache-2.0
// The records of audits. Part of server/core/records/entities.h, which says
// what records are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_AUDIT_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_AUDIT_RECORDS_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/words.h"
#include "common/model/commitment.h"
#include "common/model/finding.h"
#include "common/model/ids.h"

namespace archpool {

// kAsked: the miner is to reveal its segment. kWaiting: all is here, for a
// verifier to take it. kDone: there is a verdict, or none is wanted any more.
enum class AuditState { kAsked, kWaiting, kLeased, kDone };
template <>
inline constexpr const char* kWordsOf<AuditState>[] = {"asked", "waiting",
                                                       "leased", "done"};

enum class AuditKind {
  kSegment,  // one segment, revealed by the miner
  kWhole,    // the whole training, from its key alone
  // The weights alone, on whole splits: of a training in an arithmetic that was
  // replaced, which nobody can replay.
  kEvaluation,
};
template <>
inline constexpr const char* kWordsOf<AuditKind>[] = {"segment", "whole",
                                                      "evaluation"};

// What the miner has yet to send, as bits of Audit::missing.
enum AuditPart : int64_t {
  kPartOpening = 1,
  kPartWeights = 2,         // the trial's
  kPartBeginWeights = 4,    // of the checkpoint that the segment begins with
  kPartBeginOptimizer = 8,  // likewise
};

// What a verifier found. kInconclusive: it could not tell.
enum class LookKind { kInconclusive, kBlames, kClears };
template <>
inline constexpr const char* kWordsOf<LookKind>[] = {"inconclusive", "blames",
                                                     "clears"};

// One verifier's findings of one kind about one audit, of which those that
// blame, and those after a blame, are kept: they are votes, the latest counts.
struct AuditLook {
  AccountId verifier;
  std::string verifier_name;
  LookKind kind = LookKind::kInconclusive;
  bool is_whole = false;  // the whole training had been replayed
  int64_t count = 1;
  std::string reason;  // of the latest
  absl::Time first_time;
  absl::Time time;  // of the latest
  // Between two failures at this audit it came to a finding about another
  // miner: so it is not the verifier that is sick.
  bool has_failed_again = false;

  friend bool operator==(const AuditLook&, const AuditLook&) = default;
};

// What is asked of a worker, and has not come.
struct AskedLoad {
  int64_t answers = 0;
  int64_t bytes = 0;
};

struct Audit {
  AuditId id;
  TrialId trial;
  TaskId task;
  AuditKind kind = AuditKind::kSegment;
  AuditState state = AuditState::kWaiting;
  int64_t segment = 0;
  // A candidate for the front: its accuracies are measured on whole splits.
  bool measures_all = false;
  int64_t missing = 0;  // AuditPart
  Opening opening;
  int64_t attempt = 0;  // counts its leases: the fencing token
  std::vector<AuditLook> looks;
  AccountId verifier;  // that has it, or had it last
  std::string verifier_name;
  // kAsked: by when the miner must have answered. kLeased: by when the verifier
  // must have renewed its lease.
  std::optional<absl::Time> expire_time;
  std::optional<absl::Time> lease_time;  // when it was leased last
  // Since when it waits for verifiers, and until when: the operator's policy
  // decides then.
  std::optional<absl::Time> wait_time;
  std::optional<absl::Time> decide_time;
  // What the pool's own refusals of files have added to it.
  absl::Duration refused_time;
  // Its miner's account was away when it was due: by when that must be back at
  // the latest. Until it is answered or decided, nothing of the account
  // matures.
  std::optional<absl::Time> away_until;
  // And nothing was heard of the account since.
  bool is_away = false;
  // It tries its verifier (server/core/proof/audit_plant.h), until that has
  // found something; and how often it did so.
  bool is_planted = false;
  int64_t planted_count = 0;

  friend bool operator==(const Audit&, const Audit&) = default;
};

// A finding about the trial, and not about the verifier.
inline bool IsVote(const AuditLook& look) {
  return look.kind != LookKind::kInconclusive;
}

// The verifier raised the alarm that the pool's own two evaluations differ:
// which is neither about the trial nor about the verifier.
inline bool IsAlarm(const AuditLook& look) {
  return look.kind == LookKind::kInconclusive &&
         look.reason == kEvaluationsDiffer;
}

// How many verifiers raised it over the whole training, without a byte of the
// miner's; or over what the miner sent.
inline int64_t CountAlarms(const Audit& audit, bool is_whole) {
  return std::count_if(audit.looks.begin(), audit.looks.end(),
                       [&](const AuditLook& one) {
                         return IsAlarm(one) && one.is_whole == is_whole;
                       });
}

// How many verifiers found that.
inline int64_t CountOf(const Audit& audit, LookKind kind) {
  return std::count_if(audit.looks.begin(), audit.looks.end(),
                       [&](const AuditLook& one) { return one.kind == kind; });
}

// Whether some verifier found its trial false.
inline bool IsBlamed(const Audit& audit) {
  return CountOf(audit, LookKind::kBlames) > 0;
}

// Whether some verifier found its trial true, and none found it false.
inline bool IsCleared(const Audit& audit) {
  return CountOf(audit, LookKind::kClears) > 0 && !IsBlamed(audit);
}

// Whether one who found it true had replayed the whole training.
inline bool IsClearedWhole(const Audit& audit) {
  return std::any_of(audit.looks.begin(), audit.looks.end(),
                     [](const AuditLook& one) {
                       return one.kind == LookKind::kClears && one.is_whole;
                     });
}

// Whether it is the trial that no verifier can tell anything of: one that
// failed once and is well since was sick, and is no witness.
inline bool IsTheTrials(const Audit& audit) {
  return std::any_of(audit.looks.begin(), audit.looks.end(),
                     [](const AuditLook& one) { return one.has_failed_again; });
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_AUDIT_RECORDS_H_
