// SPDX-License-Identifier: Apache-2.0
// Gives back the time in which the pool refused files for reasons of its own: a
// full disk, no handles left. From the first refusal on, and for as long as the
// disk cannot be used, what miners were asked for may come later; where it is
// full, not for those that filled it. Start and Stop are for one thread.
#ifndef ARCHPOOL_SERVER_ENGINE_STORAGE_WATCH_H_
#define ARCHPOOL_SERVER_ENGINE_STORAGE_WATCH_H_

#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "server/engine/engine.h"
#include "server/storage/storage_errors.h"

namespace archpool {

struct StorageWatchOptions {
  // What is given at once, and again after as much time. So long after the last
  // refusal the disk is tried.
  absl::Duration period = absl::Seconds(30);
  // What is given once more when it can be used again: a caller that was
  // refused tries again only after a while.
  absl::Duration grace = absl::Seconds(60);
  // Told where it begins to refuse, and where it can be used again.
  std::function<void(bool is_failing)> on_change;
  // Called with each look: what else is to be watched of the disks.
  std::function<void()> on_look;
  // Told on the engine's thread, each time, which accounts' answers get no time
  // because they filled the disk. Outlives the engine's commands.
  std::function<void(const std::vector<AccountId>&)> on_fillers;
};

class StorageWatch {
 public:
  // Writes something, and says how that went.
  using Probe = std::function<absl::Status()>;

  // All outlive the watch.
  StorageWatch(const Clock& clock, Engine& engine, const StorageErrors& errors,
               Probe probe, StorageWatchOptions options);

  void Start();  // looks every second, on a thread of its own
  void Stop();   // idempotent

  // One look. Not while the thread runs.
  void Look();

 private:
  void Extend(absl::Duration by);

  const Clock& clock_;
  Engine& engine_;
  const StorageErrors& errors_;
  const Probe probe_;
  const StorageWatchOptions options_;
  int64_t seen_ = 0;  // errors
  int64_t seen_full_ = 0;
  bool is_failing_ = false;
  bool is_full_ = false;  // since it fails
  absl::Time last_error_ = absl::InfinitePast();
  absl::Time next_extension_ = absl::InfinitePast();
  std::jthread thread_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_ENGINE_STORAGE_WATCH_H_
