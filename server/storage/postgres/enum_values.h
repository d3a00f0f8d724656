// How many values each enumeration of the records has: a word from the database
// is looked up among the words of all of them.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_ENUM_VALUES_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_ENUM_VALUES_H_

#include "server/core/records/entities.h"

namespace archpool::postgres {

// The last value; values count from 0.
template <typename Enum>
inline constexpr Enum kLastOf;  // no value: each enumeration has its own below
template <>
inline constexpr Role kLastOf<Role> = Role::kOperator;
template <>
inline constexpr AccountState kLastOf<AccountState> = AccountState::kSuspended;
template <>
inline constexpr TaskState kLastOf<TaskState> = TaskState::kCancelled;
template <>
inline constexpr EndReason kLastOf<EndReason> = EndReason::kNothingLearns;
template <>
inline constexpr SubspaceState kLastOf<SubspaceState> = SubspaceState::kPruned;
template <>
inline constexpr SessionState kLastOf<SessionState> = SessionState::kClosed;
template <>
inline constexpr LeaseState kLastOf<LeaseState> = LeaseState::kRevoked;
template <>
inline constexpr LeaseRole kLastOf<LeaseRole> = LeaseRole::kBackup;
template <>
inline constexpr BackupReason kLastOf<BackupReason> = BackupReason::kUnproven;
template <>
inline constexpr TrialState kLastOf<TrialState> = TrialState::kAbandoned;
template <>
inline constexpr TrialBasis kLastOf<TrialBasis> = TrialBasis::kReplayed;
template <>
inline constexpr AuditKind kLastOf<AuditKind> = AuditKind::kWhole;
template <>
inline constexpr LookKind kLastOf<LookKind> = LookKind::kClears;
template <>
inline constexpr AuditState kLastOf<AuditState> = AuditState::kDone;
template <>
inline constexpr PlaceKind kLastOf<PlaceKind> = PlaceKind::kPayouts;
template <>
inline constexpr PayoutState kLastOf<PayoutState> = PayoutState::kRefused;
template <>
inline constexpr RewardRule kLastOf<RewardRule> = RewardRule::kPplns;
template <>
inline constexpr TransferKind kLastOf<TransferKind> = TransferKind::kReturn;

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_ENUM_VALUES_H_
