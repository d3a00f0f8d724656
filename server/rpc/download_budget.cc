// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/download_budget.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool::rpc {
namespace {

// Nobody takes more of what is left at a time.
constexpr int64_t kAccountsShare = 2;  // of all of an account
constexpr int64_t kBytesPart = 8;      // of one chunk

}  // namespace

absl::Status DownloadBudget::Open(AccountId account) {
  absl::MutexLock lock(&mutex_);
  const auto found = of_account_.find(account);
  const int64_t has = found == of_account_.end() ? 0 : found->second.open;
  const int64_t left = std::max<int64_t>(limits_.open_max - open_, 0);
  const int64_t most =
      std::max(std::min(limits_.account_max, left / kAccountsShare),
               limits_.account_min);
  if (has >= most) {
    return Unavailable(
        "DOWNLOADS_BUSY",
        absl::StrCat("the account has ", has,
                     " downloads under way, and there is no room for more of "
                     "them just now: finish some, and ask again"));
  }
  ++of_account_[account].open;
  ++open_;
  return absl::OkStatus();
}

void DownloadBudget::Close(AccountId account) {
  absl::MutexLock lock(&mutex_);
  const auto found = of_account_.find(account);
  ARCHPOOL_CHECK(found != of_account_.end() && open_ > 0);
  --open_;
  if (--found->second.open == 0) of_account_.erase(found);
}

int64_t DownloadBudget::TakeChunk(AccountId account) {
  absl::MutexLock lock(&mutex_);
  const auto found = of_account_.find(account);
  ARCHPOOL_CHECK(found != of_account_.end());
  const int64_t left = limits_.unread_bytes - held_bytes_;
  const int64_t own = left / kAccountsShare - found->second.held_bytes;
  const int64_t chunk =
      std::clamp(std::min(left / kBytesPart, own), limits_.chunk_bytes_min,
                 limits_.chunk_bytes_max);
  found->second.held_bytes += chunk;
  held_bytes_ += chunk;
  return chunk;
}

void DownloadBudget::GiveBack(AccountId account, int64_t chunk_bytes) {
  absl::MutexLock lock(&mutex_);
  const auto found = of_account_.find(account);
  ARCHPOOL_CHECK(found != of_account_.end());
  found->second.held_bytes -= chunk_bytes;
  held_bytes_ -= chunk_bytes;
  ARCHPOOL_CHECK(found->second.held_bytes >= 0 && held_bytes_ >= 0);
}

}  // namespace archpool::rpc
