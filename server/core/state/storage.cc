// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/storage.h"

#include <algorithm>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/core/books/maps.h"
#include "server/core/state/quotas.h"

namespace archpool {

StorageUse StorageOf(const PoolState& state, AccountId account) {
  const StorageUse* use = FindIn(state.storage(), account);
  return use == nullptr ? StorageUse{.account = account} : *use;
}

int64_t StoredBytesOf(const PoolState& state, AccountId account) {
  const StorageUse use = StorageOf(state, account);
  return use.file_bytes + use.weight_bytes +
         state.audits().CheckpointBytesOf(account);
}

void AddStored(PoolState& state, AccountId account, int64_t file_bytes,
               int64_t weight_bytes) {
  if (file_bytes == 0 && weight_bytes == 0) return;
  StorageUse use = StorageOf(state, account);
  use.file_bytes += file_bytes;
  use.weight_bytes += weight_bytes;
  state.Put(use);
}

void TakeStored(PoolState& state, AccountId account, int64_t file_bytes,
                int64_t weight_bytes) {
  const StorageUse before = StorageOf(state, account);
  StorageUse use = before;
  use.file_bytes -= std::min(use.file_bytes, file_bytes);
  use.weight_bytes -= std::min(use.weight_bytes, weight_bytes);
  if (use != before) state.Put(use);
}

absl::Status CheckRoom(const PoolState& state, const PoolPolicy& policy,
                       const Account& account, int64_t bytes) {
  const int64_t held = StorageOf(state, account.id).file_bytes;
  const int64_t max = StoredBytesMax(state, policy, account);
  if (bytes <= max - held) return absl::OkStatus();
  return ResourceExhausted(
      "STORAGE_QUOTA",
      absl::StrCat("this account's files and datasets take ", held,
                   " bytes of the pool's disk, ", bytes,
                   " more are asked for, and it may store ", max,
                   "; use the datasets that it has registered, or ask the "
                   "pool's operator for more (archpool account quota)"));
}

int64_t ChosenBytes(const PoolState& state) {
  int64_t chosen = 0;
  for (const auto& [account, use] : state.storage()) chosen += use.file_bytes;
  return chosen;
}

bool HasFilledDisk(const PoolState& state, const PoolPolicy& policy,
                   const Account& account, int64_t chosen) {
  int64_t held = 0;
  bool is_over = false;
  const auto add = [&](const Account& member) {
    const int64_t bytes = StorageOf(state, member.id).file_bytes;
    held += bytes;
    is_over |= bytes > StoredBytesMax(state, policy, member);
  };
  if (account.group.empty()) {
    add(account);
  } else {
    for (const AccountId id : state.accounts().InGroup(account.group)) {
      add(*state.Find(id));
    }
  }
  if (is_over) return true;
  return held >= policy.disk_filled_bytes_min &&
         absl::int128(held) * 1'000'000 >
             absl::int128(chosen) * policy.disk_filled_share_ppm;
}

}  // namespace archpool
