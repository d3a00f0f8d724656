// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/statement_watch.h"

#include <sys/socket.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/base/stop.h"

namespace archpool::postgres {
namespace {
constexpr absl::Duration kLookInterval = absl::Milliseconds(250);
}  // namespace

StatementWatch::StatementWatch(const Patience& patience)
    : patience_(patience), thread_([this](const std::stop_token& stop) {
        while (!WaitOrStop(stop, kLookInterval)) Look();
      }) {}

void StatementWatch::Look() {
  const Clock::time_point now = Clock::now();
  // Held meanwhile: no number may come to name another connection.
  const std::lock_guard lock(mutex_);
  if (!stop_time_ && patience_.stop.stop_requested()) stop_time_ = now;
  for (auto& [number, statement] : under_way_) {
    if (statement.socket < 0 || now < EndOf(statement)) continue;
    shutdown(statement.socket, SHUT_RDWR);
    statement.socket = -1;
    if (statement.was_cut != nullptr) *statement.was_cut = true;
  }
}

StatementWatch::Clock::time_point StatementWatch::EndOf(
    const Statement& statement) const {
  const Clock::time_point end = statement.begin + statement.time_max;
  if (!stop_time_) return end;
  return std::min(end, std::max(statement.begin, *stop_time_) +
                           absl::ToChronoMilliseconds(patience_.stop_grace));
}

StatementWatch::Guard::Guard(StatementWatch& watch, int socket,
                             absl::Duration time_max, bool* was_cut)
    : watch_(watch) {
  const std::lock_guard lock(watch_.mutex_);
  number_ = ++watch_.last_number_;
  watch_.under_way_[number_] = {
      .socket = socket,
      .begin = Clock::now(),
      .time_max = absl::ToChronoMilliseconds(time_max),
      .was_cut = was_cut};
}

StatementWatch::Guard::~Guard() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.under_way_.erase(number_);
}

absl::Status NameSilence(const absl::Status& status, bool was_cut) {
  if (!was_cut || !absl::IsUnavailable(status)) return status;
  return Unavailable("STORE_SILENT",
                     "PostgreSQL takes connections and does not answer: see "
                     "whether its machine, its disk or a synchronous standby "
                     "hangs; nothing was written");
}

}  // namespace archpool::postgres
