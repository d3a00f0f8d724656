// SPDX-License-Identifier: Apache-2.0
// What workers' machines and lines can take: who cannot hold a training, or
// send what is asked of it afterwards, is not given it.
#ifndef ARCHPOOL_SERVER_CORE_RULES_WORKER_MEANS_H_
#define ARCHPOOL_SERVER_CORE_RULES_WORKER_MEANS_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/container/btree_map.h"
#include "common/model/ids.h"

namespace archpool {

struct DatasetManifest;
struct LayerPlan;
struct PoolPolicy;
struct Recipe;

// As a worker says them.
struct WorkerMeans {
  int64_t upload_bytes_per_second = 0;  // 0: unknown
  // What a training may take in all, program and data included; 0: not said.
  int64_t memory_bytes = 0;
  // How much of its disk it keeps checkpoints in; 0: not said.
  int64_t checkpoints_bytes = 0;
  friend bool operator==(const WorkerMeans&, const WorkerMeans&) = default;
};

// What a training takes of them.
struct TrainingSize {
  int64_t parameters = 0;
  int64_t memory_bytes = 0;
  int64_t checkpoints_bytes = 0;  // of all of them
};

TrainingSize SizeOf(const LayerPlan& plan, const Recipe& recipe);

// How large a worker's trainings may be.
struct TrainingRoom {
  int64_t parameters_max = INT64_MAX;
  int64_t memory_max_bytes = INT64_MAX;
  int64_t checkpoints_max_bytes = INT64_MAX;

  // Whether a network's parameters tell all.
  bool HoldsAnything() const {
    return memory_max_bytes == INT64_MAX && checkpoints_max_bytes == INT64_MAX;
  }
  bool IsUnlimited() const {
    return parameters_max == INT64_MAX && HoldsAnything();
  }
  bool Fits(const TrainingSize& size) const {
    return size.parameters <= parameters_max &&
           size.memory_bytes <= memory_max_bytes &&
           size.checkpoints_bytes <= checkpoints_max_bytes;
  }
};

// Unlimited where its means are not known, or are as good as the pool asks of
// everybody: a line that is waited for, an examiner's memory, a disk for the
// checkpoints of any training.
TrainingRoom RoomFor(const WorkerMeans& means, const DatasetManifest& manifest,
                     const PoolPolicy& policy);

// The least of what was passed over because it was too large: who has no room
// for that has none for any of it.
class PassedOver {
 public:
  // REQUIRES: !room.Fits(size).
  void Add(const TrainingSize& size, const TrainingRoom& room) {
    if (size.parameters > room.parameters_max) {
      parameters_ = std::min(parameters_, size.parameters);
      return;
    }
    parameters_sent_ = std::max(parameters_sent_, size.parameters);
    if (size.checkpoints_bytes > room.checkpoints_max_bytes) {
      checkpoints_bytes_ = std::min(checkpoints_bytes_, size.checkpoints_bytes);
      return;
    }
    checkpoints_kept_bytes_ =
        std::max(checkpoints_kept_bytes_, size.checkpoints_bytes);
    memory_bytes_ = std::min(memory_bytes_, size.memory_bytes);
  }
  void Add(const PassedOver& other) {
    parameters_ = std::min(parameters_, other.parameters_);
    memory_bytes_ = std::min(memory_bytes_, other.memory_bytes_);
    checkpoints_bytes_ = std::min(checkpoints_bytes_, other.checkpoints_bytes_);
    parameters_sent_ = std::max(parameters_sent_, other.parameters_sent_);
    checkpoints_kept_bytes_ =
        std::max(checkpoints_kept_bytes_, other.checkpoints_kept_bytes_);
  }
  bool IsEmpty() const {
    return parameters_ == INT64_MAX && memory_bytes_ == INT64_MAX &&
           checkpoints_bytes_ == INT64_MAX;
  }
  bool HasMemory() const { return memory_bytes_ != INT64_MAX; }
  // Whether all of it is too large for `room` too, and for the same reasons.
  bool IsTooLargeFor(const TrainingRoom& room) const {
    const auto exceeds = [](int64_t least, int64_t most) {
      return least == INT64_MAX || least > most;
    };
    return exceeds(parameters_, room.parameters_max) &&
           exceeds(checkpoints_bytes_, room.checkpoints_max_bytes) &&
           exceeds(memory_bytes_, room.memory_max_bytes) &&
           parameters_sent_ <= room.parameters_max &&
           checkpoints_kept_bytes_ <= room.checkpoints_max_bytes;
  }
  // "its line …; its disk …; its memory …": what is too small, and for what.
  // REQUIRES: !IsEmpty().
  std::string Describe(const WorkerMeans& means,
                       const TrainingRoom& room) const;

 private:
  int64_t parameters_ = INT64_MAX;  // of what the line is too slow for
  // Fast enough, but for the disk; large enough too, but for the memory.
  int64_t checkpoints_bytes_ = INT64_MAX;
  int64_t memory_bytes_ = INT64_MAX;
  // The most of what the line would send, and of what the disk would keep.
  int64_t parameters_sent_ = 0;
  int64_t checkpoints_kept_bytes_ = 0;
};

// What the open sessions' workers said last. In memory alone: after a restart
// nothing is known of them until they ask for work. Not thread-safe.
class MeansBook {
 public:
  void Note(SessionId session, const WorkerMeans& means) {
    means_[session] = means;
  }
  void Forget(SessionId session) { means_.erase(session); }
  WorkerMeans Of(SessionId session) const {
    const auto found = means_.find(session);
    return found == means_.end() ? WorkerMeans() : found->second;
  }

 private:
  absl::btree_map<SessionId, WorkerMeans> means_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_WORKER_MEANS_H_
