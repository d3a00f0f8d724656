// The records of audits. Part of server/core/entities.h, which says what
// records are.
#ifndef ARCHPOOL_SERVER_CORE_AUDIT_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_AUDIT_RECORDS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "common/model/commitment.h"
#include "common/model/ids.h"

namespace archpool {

// kAsked (the miner is to lay its segment open) → kWaiting (all is here) →
// kLeased (a verifier took it) → kDone (verdict), or back to kWaiting (its
// lease ran out, or another verifier is to look at it too). kAsked → kDone
// (never answered: rejected). kDone also when its trial was void before.
enum class AuditState { kAsked, kWaiting, kLeased, kDone };

enum class AuditKind {
  kSegment,  // one segment, laid open by the miner
  kWhole,    // the whole training, from its key alone
};

// What the miner has yet to send, as bits of Audit::missing.
enum AuditPart : int64_t {
  kPartOpening = 1,
  kPartWeights = 2,         // the trial's
  kPartBeginWeights = 4,    // of the checkpoint that the segment begins with
  kPartBeginOptimizer = 8,  // likewise
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
  int64_t inconclusive_count = 0;
  // Verifiers that found the training false; the last one is `verifier`, which
  // does not look again before `retry_time`.
  int64_t refutations = 0;
  absl::Time retry_time = absl::InfinitePast();
  AccountId verifier;
  std::string verifier_name;
  // kAsked: by when the miner must have answered. kLeased: by when the
  // verifier.
  absl::Time expire_time = absl::InfiniteFuture();

  friend bool operator==(const Audit&, const Audit&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_AUDIT_RECORDS_H_
