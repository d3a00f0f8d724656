// SPDX-License-Identifier: Apache-2.0
#include "server/stop_deadline.h"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <utility>

#include "common/base/stop.h"

namespace archpool {

StopDeadline::StopDeadline(std::stop_token stop, absl::Duration time_max)
    : thread_([stop = std::move(stop), time_max](const std::stop_token& over) {
        std::stop_source either;
        const std::stop_callback asked(stop, [&] { either.request_stop(); });
        const std::stop_callback ended(over, [&] { either.request_stop(); });
        WaitOrStop(either.get_token(), absl::InfiniteDuration());
        if (over.stop_requested() || WaitOrStop(over, time_max)) return;
        spdlog::error(
            "not stopped after {}; ending all the same: what was acknowledged "
            "is durable",
            absl::FormatDuration(time_max));
        spdlog::default_logger()->flush();
        std::_Exit(1);
      }) {}

}  // namespace archpool
