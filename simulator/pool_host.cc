// SPDX-License-Identifier: Apache-2.0
#include "simulator/pool_host.h"

#include <utility>

namespace archpool {

PoolHost::PoolHost(const Options& options,
                   std::function<void(const Event&)> listener)
    : options_(options),
      listener_(std::move(listener)),
      rng_(options.seed, 1),
      pool_(options.policy, PoolSnapshot()),
      desk_(options.search, options.policy),
      oracle_(options.commits_to_full_check) {}

PoolHost::Fault PoolHost::NextFault() {
  ++commands_;
  if (options_.faults_ppm == 0 ||
      static_cast<int64_t>(rng_.Below(1'000'000)) >= options_.faults_ppm) {
    return Fault::kNone;
  }
  return static_cast<Fault>(1 + rng_.Below(kFaults));
}

void PoolHost::DeliverLate() {
  for (size_t i = 0; i < late_.size();) {
    if (late_[i].due > commands_) {
      ++i;
      continue;
    }
    const std::function<void()> deliver = std::move(late_[i].deliver);
    late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(i));
    deliver();
  }
}

void PoolHost::Commit() {
  std::vector<Event> events = pool_.TakeEvents();
  if (events.empty()) return;
  for (const Event& event : events) listener_(event);
  desk_.Watch(events);
  archive_.Take(events);
  oracle_.Take(std::move(events));
}

void PoolHost::Rank() {
  if (!is_up_) return;
  for (const RankCandidates& command : desk_.Rank()) {
    ++commands_;
    (void)Execute(command);
    Commit();
  }
}

void PoolHost::Restart() {
  const PoolSnapshot snapshot = oracle_.Snapshot();
  pool_ =
      Pool(options_.policy, snapshot, pool_.expiry_hold(), pool_.verifiers());
  desk_.Load(snapshot);
}

void PoolHost::Stop() {
  is_up_ = false;
  late_.clear();
}

void PoolHost::Start() {
  const PoolSnapshot snapshot = oracle_.Snapshot();
  pool_ = Pool(options_.policy, snapshot);
  desk_.Load(snapshot);
  is_up_ = true;
}

}  // namespace archpool
