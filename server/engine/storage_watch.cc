// SPDX-License-Identifier: Apache-2.0
#include "server/engine/storage_watch.h"

#include <utility>

#include "common/base/stop.h"

namespace archpool {
namespace {
constexpr absl::Duration kDiskLookInterval = absl::Seconds(1);
}  // namespace

StorageWatch::StorageWatch(const Clock& clock, Engine& engine,
                           const StorageErrors& errors, Probe probe,
                           StorageWatchOptions options)
    : clock_(clock),
      engine_(engine),
      errors_(errors),
      probe_(std::move(probe)),
      options_(std::move(options)) {}

void StorageWatch::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!WaitOrStop(stop, kDiskLookInterval)) Look();
  });
}

void StorageWatch::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void StorageWatch::Look() {
  if (options_.on_look) options_.on_look();
  const absl::Time now = clock_.Now();
  if (errors_.count() != seen_) {
    seen_ = errors_.count();
    is_full_ |= errors_.full_count() != seen_full_;
    seen_full_ = errors_.full_count();
    last_error_ = now;
    if (!std::exchange(is_failing_, true)) {
      next_extension_ = now;
      if (options_.on_change) options_.on_change(true);
    }
  }
  if (!is_failing_) return;
  if (now - last_error_ >= options_.period) {
    if (probe_().ok()) {
      is_failing_ = false;
      seen_ = errors_.count();
      seen_full_ = errors_.full_count();
      Extend(options_.grace);
      is_full_ = false;
      if (options_.on_change) options_.on_change(false);
      return;
    }
    last_error_ = now;
  }
  if (now >= next_extension_) {
    next_extension_ = now + options_.period;
    Extend(options_.period);
  }
}

namespace {

using FillersHeard = std::function<void(const std::vector<AccountId>&)>;

// Outlives the watch: other commands have their turn between two steps. Those
// that a stop leaves undone are lost, as the refusals of that moment are.
void ExtendSome(Engine& engine, const ExtendAnswers& command,
                const FillersHeard& on_fillers) {
  engine.Submit<ExtendAnswers>(
      command, [&engine, command,
                on_fillers](const absl::StatusOr<ExtendAnswers::Reply>& reply) {
        if (!reply.ok()) return;
        if (on_fillers && !reply->fillers.empty()) on_fillers(reply->fillers);
        if (!reply->rest_before) return;
        ExtendAnswers rest = command;
        rest.before = *reply->rest_before;
        ExtendSome(engine, rest, on_fillers);
      });
}

}  // namespace

void StorageWatch::Extend(absl::Duration by) {
  // Where the database is away as well, that outage is added by the core.
  ExtendSome(engine_, {.by = by, .is_disk_full = is_full_},
             options_.on_fillers);
}

}  // namespace archpool
