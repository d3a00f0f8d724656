// SPDX-License-Identifier: Apache-2.0
// Who trains when: as many trainings at a time as there are lanes, each with
// its part of the threads and the memory, or one that has the whole machine.
// In the order in which they ask: what is large is not put off forever.
// Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_PLACES_H_
#define ARCHPOOL_WORKER_AGENT_PLACES_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/bell.h"
#include "worker/train/lane_plan.h"

namespace archpool {

class Places {
 public:
  // A training's, for as long as it lives.
  class Place {
   public:
    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();
    int64_t threads() const { return threads_; }

   private:
    friend class Places;
    Place(Places* places, int64_t lanes, int64_t threads)
        : places_(places), lanes_(lanes), threads_(threads) {}
    Places* places_;  // null once moved from
    int64_t lanes_;   // how many it takes up
    int64_t threads_;
  };

  // What a training asks for.
  struct Wish {
    int64_t memory_bytes = 0;  // program and data included
    // It is not trusted beside others: it ended this worker before.
    bool is_alone = false;
  };

  // Nobody has a place before Open: how many there are is still measured.
  Places() = default;

  // Once. `threads`: of all lanes together.
  void Open(const LanePlan& plan, int64_t threads) ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits for a place. Where the wish does not fit into a lane's part of the
  // memory, or wants to be alone, that is all of them. `is_wanted` is asked now
  // and then: CANCELLED (TRAINING_STOPPED) once it is not.
  absl::StatusOr<Place> Take(const Wish& wish,
                             const std::function<bool()>& is_wanted)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // How many lanes the wish takes up.
  int64_t LanesFor(const Wish& wish) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  bool IsFree(const Bell& bell, const Wish& wish) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void Queue(Bell& bell) ABSL_LOCKS_EXCLUDED(mutex_);
  // The place, if it is free now.
  std::optional<Place> TakeIfFree(const Bell& bell, const Wish& wish)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void GiveUp(const Bell& bell) ABSL_LOCKS_EXCLUDED(mutex_);
  void Release(int64_t lanes) ABSL_LOCKS_EXCLUDED(mutex_);
  // After each change: the first in the row may have its place by now.
  void RingFirst() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::optional<LanePlan> plan_ ABSL_GUARDED_BY(mutex_);
  int64_t threads_ ABSL_GUARDED_BY(mutex_) = 1;
  int64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;  // lanes
  // Those who wait, in order: each by a bell that lives while it does.
  std::deque<Bell*> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_PLACES_H_
