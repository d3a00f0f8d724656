// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/places.h"

#include <utility>

#include "absl/time/time.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// How often a waiting lane is asked whether it is still to wait.
constexpr absl::Duration kAskedEvery = absl::Milliseconds(100);

}  // namespace

Places::Place::Place(Place&& other) noexcept
    : places_(std::exchange(other.places_, nullptr)),
      lanes_(other.lanes_),
      threads_(other.threads_) {}

Places::Place::~Place() {
  if (places_ != nullptr) places_->Release(lanes_);
}

void Places::Open(const LanePlan& plan, int64_t threads) {
  const absl::MutexLock lock(&mutex_);
  plan_ = plan;
  threads_ = threads;
}

int64_t Places::LanesFor(const Wish& wish) const {
  const bool fits =
      plan_->memory_bytes == 0 || wish.memory_bytes <= plan_->memory_bytes;
  return fits && !wish.is_alone ? 1 : plan_->lanes;
}

bool Places::IsFree(int64_t ticket, const Wish& wish) const {
  return plan_.has_value() && waiting_.front() == ticket &&
         taken_ + LanesFor(wish) <= plan_->lanes;
}

absl::StatusOr<Places::Place> Places::Take(
    const Wish& wish, const std::function<bool()>& is_wanted) {
  const int64_t ticket = Queue();
  const auto is_free = [&] {
    mutex_.AssertReaderHeld();
    return IsFree(ticket, wish);
  };
  while (true) {
    {
      const absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&is_free), kAskedEvery)) {
        waiting_.pop_front();
        const int64_t lanes = LanesFor(wish);
        taken_ += lanes;
        return Place(this, lanes, lanes == 1 ? plan_->threads : threads_);
      }
    }
    if (is_wanted()) continue;
    const absl::MutexLock lock(&mutex_);
    std::erase(waiting_, ticket);
    return MakeError(absl::StatusCode::kCancelled, "TRAINING_STOPPED",
                     "the training was called off before it began");
  }
}

int64_t Places::Queue() {
  const absl::MutexLock lock(&mutex_);
  waiting_.push_back(++last_ticket_);
  return last_ticket_;
}

void Places::Release(int64_t lanes) {
  const absl::MutexLock lock(&mutex_);
  taken_ -= lanes;
}

}  // namespace archpool
