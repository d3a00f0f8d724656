// SPDX-License-Identifier: Apache-2.0
// How many downloads are under way, and how much of them lies in memory: who
// opens them and does not read takes neither from others. An account may open
// as many as half of those that are left, and always a few; the more bytes lie
// there unread, the smaller the chunks, and of those bytes too an account has
// half of what is left at most, beside the smallest chunks. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_DOWNLOAD_BUDGET_H_
#define ARCHPOOL_SERVER_RPC_DOWNLOAD_BUDGET_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/model/ids.h"

namespace archpool::rpc {

struct DownloadLimits {
  int64_t open_max = 2'048;
  int64_t account_max = 1'024;
  int64_t account_min = 4;  // always, whatever others have
  // What chunks that are not sent yet may take; gRPC has each once more. Beyond
  // it, every download still has `chunk_bytes_min`.
  int64_t unread_bytes = 8 << 20;
  int64_t chunk_bytes_min = 4 << 10;
  int64_t chunk_bytes_max = 1 << 20;
};

class DownloadBudget {
 public:
  explicit DownloadBudget(const DownloadLimits& limits) : limits_(limits) {}

  // One more of that account. UNAVAILABLE (DOWNLOADS_BUSY): ask again.
  absl::Status Open(AccountId account) ABSL_LOCKS_EXCLUDED(mutex_);
  // REQUIRES: it was opened, and holds no chunk.
  void Close(AccountId account) ABSL_LOCKS_EXCLUDED(mutex_);

  // How large the next chunk of one of that account's may be; it is held until
  // given back. REQUIRES: the account has one open.
  int64_t TakeChunk(AccountId account) ABSL_LOCKS_EXCLUDED(mutex_);
  void GiveBack(AccountId account, int64_t chunk_bytes)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Use {
    int64_t open = 0;
    int64_t held_bytes = 0;
  };

  const DownloadLimits limits_;
  absl::Mutex mutex_;
  absl::btree_map<AccountId, Use> of_account_ ABSL_GUARDED_BY(mutex_);
  int64_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t held_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_DOWNLOAD_BUDGET_H_
