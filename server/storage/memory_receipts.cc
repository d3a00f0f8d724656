// SPDX-License-Identifier: Apache-2.0
// The receipts of the store in memory.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/storage/memory_store.h"

namespace archpool {

SealedReceipts MemoryStore::SealedLocked() const {
  SealedReceipts sealed;
  if (!seals_.empty()) {
    sealed.latest = seals_.back().seal;
    sealed.last_receipt = seals_.back().last_receipt;
  }
  for (const auto& [id, account] : receipted_) {
    sealed.accounts.push_back(account);
  }
  return sealed;
}

absl::StatusOr<OpenReceipts> MemoryStore::Open(int64_t limit) {
  absl::MutexLock lock(&mutex_);
  OpenReceipts open;
  open.sealed = SealedLocked();
  const auto& all = tables_.All<Receipt>();
  auto it = all.upper_bound(open.sealed.last_receipt);
  for (; it != all.end() && std::ssize(open.receipts) < limit; ++it) {
    open.receipts.push_back(it->second);
  }
  open.is_all = it == all.end();
  for (const auto& [place, balance] : tables_.All<Balance>()) {
    open.balances.push_back(balance);
  }
  const auto& accounts = tables_.All<Account>();
  if (!accounts.empty()) open.last_account = accounts.rbegin()->first;
  return open;
}

absl::Status MemoryStore::AddSeal(const SignedSeal& seal,
                                  ReceiptId last_receipt,
                                  absl::Span<const AccountReceipts> changed) {
  absl::MutexLock lock(&mutex_);
  const int64_t last = seals_.empty() ? 0 : seals_.back().seal.seal.number;
  if (seal.seal.number <= last) {
    return MakeError(absl::StatusCode::kAborted, "SEAL_EXISTS",
                     absl::StrCat("seal ", seal.seal.number,
                                  " is not after the last one, ", last));
  }
  seals_.push_back({seal, last_receipt});
  for (const AccountReceipts& account : changed) {
    receipted_[account.account] = account;
  }
  return absl::OkStatus();
}

absl::StatusOr<SealedReceipts> MemoryStore::Sealed() {
  absl::MutexLock lock(&mutex_);
  return SealedLocked();
}

absl::StatusOr<std::vector<SignedSeal>> MemoryStore::Seals(int64_t after,
                                                           int64_t limit) {
  absl::MutexLock lock(&mutex_);
  std::vector<SignedSeal> seals;
  for (const KeptSeal& one : seals_) {
    if (std::ssize(seals) == limit) break;
    if (one.seal.seal.number > after) seals.push_back(one.seal);
  }
  return seals;
}

absl::StatusOr<std::vector<Receipt>> MemoryStore::ReceiptsOf(AccountId account,
                                                             ReceiptId after,
                                                             int64_t limit) {
  absl::MutexLock lock(&mutex_);
  std::vector<Receipt> receipts;
  const ReceiptId last = SealedLocked().last_receipt;
  const auto& all = tables_.All<Receipt>();
  for (auto it = all.upper_bound(after); it != all.end(); ++it) {
    if (it->first > last || std::ssize(receipts) == limit) break;
    if (it->second.account == account) receipts.push_back(it->second);
  }
  return receipts;
}

}  // namespace archpool
