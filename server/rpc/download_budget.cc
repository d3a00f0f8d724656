// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/download_budget.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool::rpc {
namespace {

// Nobody takes more of what is left at a time.
constexpr int64_t kOpenPart = 2;
constexpr int64_t kBytesPart = 8;

}  // namespace

absl::Status DownloadBudget::Open(AccountId account) {
  absl::MutexLock lock(&mutex_);
  const auto found = of_account_.find(account);
  const int64_t has = found == of_account_.end() ? 0 : found->second;
  const int64_t left = std::max<int64_t>(limits_.open_max - open_, 0);
  const int64_t most = std::max(std::min(limits_.account_max, left / kOpenPart),
                                limits_.account_min);
  if (has >= most) {
    return Unavailable(
        "DOWNLOADS_BUSY",
        absl::StrCat("the account has ", has,
                     " downloads under way, and there is no room for more of "
                     "them just now: finish some, and ask again"));
  }
  ++of_account_[account];
  ++open_;
  return absl::OkStatus();
}

void DownloadBudget::Close(AccountId account) {
  absl::MutexLock lock(&mutex_);
  const auto found = of_account_.find(account);
  ARCHPOOL_CHECK(found != of_account_.end() && open_ > 0);
  --open_;
  if (--found->second == 0) of_account_.erase(found);
}

int64_t DownloadBudget::TakeChunk() {
  absl::MutexLock lock(&mutex_);
  const int64_t chunk =
      std::clamp((limits_.unread_bytes - held_bytes_) / kBytesPart,
                 limits_.chunk_bytes_min, limits_.chunk_bytes_max);
  held_bytes_ += chunk;
  return chunk;
}

void DownloadBudget::GiveBack(int64_t chunk_bytes) {
  absl::MutexLock lock(&mutex_);
  held_bytes_ -= chunk_bytes;
  ARCHPOOL_CHECK(held_bytes_ >= 0);
}

}  // namespace archpool::rpc
