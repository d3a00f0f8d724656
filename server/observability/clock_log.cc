// SPDX-License-Identifier: Apache-2.0
#include "server/observability/clock_log.h"

#include <spdlog/spdlog.h>

#include <variant>

namespace archpool {

void ClockLog::NoteAll(absl::Span<const Event> events) {
  for (const Event& event : events) {
    if (const auto* clock = std::get_if<PoolClock>(&event)) Note(*clock);
  }
}

void ClockLog::Note(const PoolClock& clock) {
  const absl::Duration passed = clock.time - noted_.time;
  const bool is_known = noted_.time != absl::InfinitePast();
  const bool was_maintained = noted_.InMaintenance() || clock.InMaintenance();
  if (!is_known || noted_.InMaintenance() != clock.InMaintenance()) {
    NoteMaintenance(clock);
  }
  noted_ = clock;
  if (!is_known || was_maintained || passed < silence_term_ / 3) return;
  spdlog::warn(
      "there was no pool for {}; that time was added to every deadline",
      absl::FormatDuration(passed));
  metrics_.NoteTimeAway(passed);
}

void ClockLog::NoteMaintenance(const PoolClock& clock) {
  if (clock.InMaintenance()) {
    spdlog::warn(
        "the pool is in maintenance since {}: nothing is leased and no "
        "deadline runs, until: archpool pool maintenance off",
        absl::FormatTime(clock.maintenance_since));
  } else if (noted_.InMaintenance()) {
    spdlog::info(
        "maintenance is over after {}; that time was added to every deadline",
        absl::FormatDuration(clock.time - noted_.maintenance_since));
  }
  metrics_.NoteMaintenance(clock.InMaintenance());
}

}  // namespace archpool
