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
  RingFirst();
}

int64_t Places::LanesFor(const Wish& wish) const {
  const bool fits =
      plan_->memory_bytes == 0 || wish.memory_bytes <= plan_->memory_bytes;
  return fits && !wish.is_alone ? 1 : plan_->lanes;
}

bool Places::IsFree(const Bell& bell, const Wish& wish) const {
  return plan_.has_value() && waiting_.front() == &bell &&
         taken_ + LanesFor(wish) <= plan_->lanes;
}

absl::StatusOr<Places::Place> Places::Take(
    const Wish& wish, const std::function<bool()>& is_wanted) {
  Bell bell;
  Queue(bell);
  while (true) {
    std::optional<Place> place = TakeIfFree(bell, wish);
    if (place.has_value()) return *std::move(place);
    if (!is_wanted()) break;
    bell.Wait(kAskedEvery);
  }
  GiveUp(bell);
  return MakeError(absl::StatusCode::kCancelled, "TRAINING_STOPPED",
                   "the training was called off before it began");
}

void Places::Queue(Bell& bell) {
  const absl::MutexLock lock(&mutex_);
  waiting_.push_back(&bell);
}

std::optional<Places::Place> Places::TakeIfFree(const Bell& bell,
                                                const Wish& wish) {
  const absl::MutexLock lock(&mutex_);
  if (!IsFree(bell, wish)) return std::nullopt;
  waiting_.pop_front();
  const int64_t lanes = LanesFor(wish);
  taken_ += lanes;
  RingFirst();
  return Place(this, lanes, lanes == 1 ? plan_->threads : threads_);
}

void Places::GiveUp(const Bell& bell) {
  const absl::MutexLock lock(&mutex_);
  std::erase(waiting_, &bell);
  RingFirst();
}

void Places::Release(int64_t lanes) {
  const absl::MutexLock lock(&mutex_);
  taken_ -= lanes;
  RingFirst();
}

void Places::RingFirst() {
  if (!waiting_.empty()) waiting_.front()->Ring();
}

}  // namespace archpool
