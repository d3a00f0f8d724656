// SPDX-License-Identifier: Apache-2.0
#include "server/core/records/entities.h"

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "server/core/records/transitions.h"

namespace archpool {

bool IsEnded(TaskState state) { return IsEnd(state); }
bool IsEnded(PayoutState state) { return IsEnd(state); }

bool IsPending(TrialState state) {
  return state != TrialState::kAccepted &&
         MayStep<TrialState>(state, TrialState::kAccepted);
}

int64_t BackupsWanted(const Lease& lease) {
  return lease.backup_need ? lease.backup_need->wanted : 0;
}

bool IsSilent(const Lease& lease) {
  return lease.backup_need &&
         lease.backup_need->reason == BackupReason::kSilent;
}

const Commitment& CommitmentOf(const Trial& trial) {
  ARCHPOOL_CHECK(trial.commitment.has_value());
  return *trial.commitment;
}

absl::Time CommitTimeOf(const Trial& trial) {
  return CommitmentOf(trial).commit_time.value_or(absl::InfinitePast());
}

int64_t ValidationCorrect(const Trial& trial) {
  return trial.measured ? trial.measured->validation_correct
                        : CommitmentOf(trial).claimed_correct;
}

bool operator==(const Task& a, const Task& b) {
  const bool same_spec =
      a.spec == b.spec ||
      (a.spec != nullptr && b.spec != nullptr && *a.spec == *b.spec);
  return same_spec && a.id == b.id && a.client == b.client &&
         a.request_id == b.request_id && a.secret == b.secret &&
         a.cost_table_version == b.cost_table_version && a.rule == b.rule &&
         a.state == b.state && a.end_reason == b.end_reason &&
         a.create_time == b.create_time && a.deadline == b.deadline &&
         a.time_away == b.time_away && a.end_time == b.end_time &&
         a.fee_pot == b.fee_pot && a.bonus_pot == b.bonus_pot &&
         a.work_pot == b.work_pot && a.fee == b.fee && a.refund == b.refund;
}

std::string ToString(const Place& place) {
  switch (place.kind) {
    case PlaceKind::kAccount:
      return absl::StrCat("account:", place.id);
    case PlaceKind::kEscrow:
      return absl::StrCat("escrow:", TaskId{place.id}.ToString());
    case PlaceKind::kOutside:
    case PlaceKind::kFees:
    case PlaceKind::kPayouts:
      break;
  }
  return ToString(place.kind);
}

}  // namespace archpool
