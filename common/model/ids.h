// SPDX-License-Identifier: Apache-2.0
// Strong ids: a LeaseId is never mistaken for a TaskId. Ids are positive
// integers that the core hands out in order; 0 is "none". Architectures, blobs
// and datasets are named by Digest instead.
#ifndef ARCHPOOL_COMMON_MODEL_IDS_H_
#define ARCHPOOL_COMMON_MODEL_IDS_H_

#include <compare>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace archpool {

template <typename Tag>
struct Id {
  int64_t value = 0;

  friend auto operator<=>(Id, Id) = default;
  bool IsSet() const { return value != 0; }
  std::string ToString() const { return absl::StrCat(Tag::kPrefix, value); }
  template <typename H>
  friend H AbslHashValue(H state, Id id) {
    return H::combine(std::move(state), id.value);
  }
};

struct AccountTag {
  static constexpr char kPrefix[] = "account-";
};
struct TaskTag {
  static constexpr char kPrefix[] = "task-";
};
struct SubspaceTag {
  static constexpr char kPrefix[] = "subspace-";
};
struct SessionTag {
  static constexpr char kPrefix[] = "session-";
};
struct LeaseTag {
  static constexpr char kPrefix[] = "lease-";
};
struct TrialTag {
  static constexpr char kPrefix[] = "trial-";
};
struct AuditTag {
  static constexpr char kPrefix[] = "audit-";
};
struct TransferTag {
  static constexpr char kPrefix[] = "transfer-";
};
struct PayoutTag {
  static constexpr char kPrefix[] = "payout-";
};

struct ReceiptTag {
  static constexpr char kPrefix[] = "receipt-";
};

using AccountId = Id<AccountTag>;
using TaskId = Id<TaskTag>;
using SubspaceId = Id<SubspaceTag>;
using SessionId = Id<SessionTag>;
using LeaseId = Id<LeaseTag>;
using TrialId = Id<TrialTag>;
using AuditId = Id<AuditTag>;
using TransferId = Id<TransferTag>;
using PayoutId = Id<PayoutTag>;
using ReceiptId = Id<ReceiptTag>;

// Money: integer micro-units of the pool's coin ("1.5" is 1'500'000). Work: see
// common/nas/cost_table.h. Neither is ever a floating-point number.
using Amount = int64_t;
using WorkUnits = int64_t;
inline constexpr Amount kAmountPerCoin = 1'000'000;
// Sums of amounts stay far inside 64 bits.
inline constexpr Amount kAmountMax = 1'000'000'000 * kAmountPerCoin;

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_IDS_H_
