// The words of the records' enums, in SQL, in transcripts and where the wire
// has strings: one table an enum, from which printing, parsing and the count of
// its values follow. ToString, which every enum has, is declared beside it.
// Constants and pure functions; thread-safe.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_WORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_WORDS_H_

#include <cstddef>
#include <iterator>
#include <optional>

#include "absl/strings/string_view.h"
#include "common/base/check.h"
#include "server/core/records/entities.h"

namespace archpool {

// In the order of the values, which count from 0. words_test compares them with
// the words that the database and the comments of the wire name.
template <typename Enum>
inline constexpr std::nullptr_t kWordsOf = nullptr;

template <>
inline constexpr const char* kWordsOf<Role>[] = {"client", "miner", "verifier",
                                                 "operator"};
template <>
inline constexpr const char* kWordsOf<AccountState>[] = {"active", "suspended"};
template <>
inline constexpr const char* kWordsOf<TaskState>[] = {
    "active", "finishing", "succeeded", "failed", "cancelled"};
template <>
inline constexpr const char* kWordsOf<EndReason>[] = {
    "none",      "budget",    "target",        "time_limit",
    "exhausted", "cancelled", "nothing_learns"};
template <>
inline constexpr const char* kWordsOf<SubspaceState>[] = {
    "open", "leased", "completed", "pruned"};
template <>
inline constexpr const char* kWordsOf<SessionState>[] = {"open", "closed"};
template <>
inline constexpr const char* kWordsOf<LeaseState>[] = {
    "active", "completed", "released", "expired", "revoked"};
template <>
inline constexpr const char* kWordsOf<LeaseRole>[] = {"primary", "backup"};
template <>
inline constexpr const char* kWordsOf<BackupReason>[] = {"none", "silent",
                                                         "slow", "unproven"};
template <>
inline constexpr const char* kWordsOf<TrialState>[] = {
    "assigned", "committed", "uploaded", "accepted", "rejected", "abandoned"};
template <>
inline constexpr const char* kWordsOf<TrialBasis>[] = {
    "none", "sampled_out", "unverified", "audited", "replayed"};
template <>
inline constexpr const char* kWordsOf<AuditState>[] = {"asked", "waiting",
                                                       "leased", "done"};
template <>
inline constexpr const char* kWordsOf<AuditKind>[] = {"segment", "whole"};
template <>
inline constexpr const char* kWordsOf<LookKind>[] = {"inconclusive", "blames",
                                                     "clears"};
template <>
inline constexpr const char* kWordsOf<PayoutState>[] = {
    "waiting", "sending", "unknown", "sent", "settled", "refused"};
template <>
inline constexpr const char* kWordsOf<RewardRule>[] = {"proportional", "pplns"};
template <>
inline constexpr const char* kWordsOf<PlaceKind>[] = {
    "outside", "fees", "account", "escrow", "payouts"};
template <>
inline constexpr const char* kWordsOf<TransferKind>[] = {
    "deposit", "escrow", "pay",    "finders_bonus", "fee",
    "refund",  "share",  "payout", "settle",        "return"};

// How many values it has.
template <typename Enum>
inline constexpr size_t kCountOf = std::size(kWordsOf<Enum>);

template <typename Enum>
constexpr const char* WordOf(Enum value) {
  const auto index = static_cast<size_t>(value);
  ARCHPOOL_CHECK(index < kCountOf<Enum>);
  return kWordsOf<Enum>[index];
}

// nullopt: none of its values has that word.
template <typename Enum>
constexpr std::optional<Enum> FindWord(absl::string_view word) {
  for (size_t i = 0; i < kCountOf<Enum>; ++i) {
    if (word == kWordsOf<Enum>[i]) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_WORDS_H_
