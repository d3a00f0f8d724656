// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/statement_watch.h"

#include <sys/socket.h>

#include "common/base/stop.h"

namespace archpool::postgres {
namespace {
constexpr absl::Duration kLookInterval = absl::Milliseconds(500);
}  // namespace

StatementWatch::StatementWatch()
    : thread_([this](const std::stop_token& stop) {
        while (!WaitOrStop(stop, kLookInterval)) Look();
      }) {}

void StatementWatch::Look() {
  // Held meanwhile: the number must not come to name another connection.
  const std::lock_guard lock(mutex_);
  if (socket_ < 0 || std::chrono::steady_clock::now() < end_) return;
  shutdown(socket_, SHUT_RDWR);
  socket_ = -1;
}

StatementWatch::Guard::Guard(StatementWatch& watch, int socket,
                             absl::Duration time_max)
    : watch_(watch) {
  const std::lock_guard lock(watch_.mutex_);
  watch_.socket_ = socket;
  watch_.end_ =
      std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(time_max);
}

StatementWatch::Guard::~Guard() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.socket_ = -1;
}

}  // namespace archpool::postgres
