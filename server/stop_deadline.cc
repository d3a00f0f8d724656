// SPDX-License-Identifier: Apache-2.0
#include "server/stop_deadline.h"

#include <cstdlib>
#include <utility>

#include "common/base/stop.h"
#include "common/log/log.h"

namespace archpool {

StopDeadline::StopDeadline(std::stop_token stop, absl::Duration time_max)
    : thread_([stop = std::move(stop), time_max](const std::stop_token& over) {
        std::stop_source either;
        const std::stop_callback asked(stop, [&] { either.request_stop(); });
        const std::stop_callback ended(over, [&] { either.request_stop(); });
        WaitOrStop(either.get_token(), absl::InfiniteDuration());
        if (over.stop_requested() || WaitOrStop(over, time_max)) return;
        LogError("stop_overdue",
                 "the server has not stopped in time and ends in the middle",
                 "nothing that was acknowledged is lost; report it if it "
                 "happens again",
                 {{"waited_s", time_max}});
        FlushLog();
        std::_Exit(1);
      }) {}

}  // namespace archpool
