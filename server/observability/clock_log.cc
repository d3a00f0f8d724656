// SPDX-License-Identifier: Apache-2.0
#include "server/observability/clock_log.h"

#include <variant>

#include "common/log/log.h"

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
  LogWarn("pool_was_away",
          "the pool did not run for a while, and every deadline was moved by "
          "that time",
          "nothing need be done, unless the pool should have been running",
          {{"away_s", passed}});
  metrics_.NoteTimeAway(passed);
}

void ClockLog::NoteMaintenance(const PoolClock& clock) {
  if (clock.InMaintenance()) {
    LogWarn("maintenance_on",
            "the pool is in maintenance: nothing is leased and no deadline "
            "runs",
            "end it with: archpool pool maintenance off",
            {{"begin_time", *clock.maintenance_since}});
  } else if (noted_.InMaintenance()) {
    LogInfo("maintenance_off",
            "maintenance is over, and every deadline was moved by its time",
            {{"away_s", clock.time - *noted_.maintenance_since}});
  }
  metrics_.NoteMaintenance(clock.InMaintenance());
}

}  // namespace archpool
