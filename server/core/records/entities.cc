#include "server/core/records/entities.h"

#include "absl/strings/str_cat.h"
#include "server/core/records/words.h"

namespace archpool {

bool IsEnded(TaskState state) {
  return state != TaskState::kActive && state != TaskState::kFinishing;
}

bool IsEnded(PayoutState state) {
  return state == PayoutState::kSettled || state == PayoutState::kRefused;
}

bool IsPending(TrialState state) {
  return state == TrialState::kCommitted || state == TrialState::kUploaded;
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

const char* ToString(Role value) { return WordOf(value); }
const char* ToString(AccountState value) { return WordOf(value); }
const char* ToString(TaskState value) { return WordOf(value); }
const char* ToString(EndReason value) { return WordOf(value); }
const char* ToString(SubspaceState value) { return WordOf(value); }
const char* ToString(SessionState value) { return WordOf(value); }
const char* ToString(LeaseState value) { return WordOf(value); }
const char* ToString(LeaseRole value) { return WordOf(value); }
const char* ToString(BackupReason value) { return WordOf(value); }
const char* ToString(TrialState value) { return WordOf(value); }
const char* ToString(TrialBasis value) { return WordOf(value); }
const char* ToString(AuditState value) { return WordOf(value); }
const char* ToString(AuditKind value) { return WordOf(value); }
const char* ToString(LookKind value) { return WordOf(value); }
const char* ToString(PayoutState value) { return WordOf(value); }
const char* ToString(RewardRule value) { return WordOf(value); }
const char* ToString(PlaceKind value) { return WordOf(value); }
const char* ToString(TransferKind value) { return WordOf(value); }

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
