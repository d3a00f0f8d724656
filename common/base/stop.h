// Waiting that can be called off. Thread-safe.
#ifndef ARCHPOOL_COMMON_BASE_STOP_H_
#define ARCHPOOL_COMMON_BASE_STOP_H_

#include <stop_token>

#include "absl/time/time.h"

namespace archpool {

// Waits for `duration`, or until `stop` is requested, whichever comes first.
// Answers whether it was requested.
bool WaitOrStop(const std::stop_token& stop, absl::Duration duration);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_STOP_H_
