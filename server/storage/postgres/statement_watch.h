// SPDX-License-Identifier: Apache-2.0
// Ends statements that the database never answers, as where its process was
// stopped: their connection is shut down under them, and they fail as they do
// where a connection breaks. Over a Unix socket, and where the peer's kernel
// still answers, nothing else notices.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_STATEMENT_WATCH_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_STATEMENT_WATCH_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/storage/postgres/patience.h"

namespace archpool::postgres {

// Watches any number of connections, on a thread of its own. Thread-safe.
class StatementWatch {
 public:
  // What `patience` says of a stop holds for all; the time that a statement
  // has, each guard says.
  explicit StatementWatch(const Patience& patience = Patience());

  // While it lives, for at most `time_max`, the connection of `socket` may
  // work; `was_cut`, where one is given, then says whether it was shut down.
  // Destroyed before the connection is closed, as the socket's number must not
  // come to name another; `was_cut` outlives it.
  class Guard {
   public:
    Guard(StatementWatch& watch, int socket, absl::Duration time_max,
          bool* was_cut = nullptr);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    StatementWatch& watch_;
    int64_t number_ = 0;
  };

 private:
  using Clock = std::chrono::steady_clock;
  struct Statement {
    int socket = -1;
    Clock::time_point begin;
    std::chrono::milliseconds time_max{};
    bool* was_cut = nullptr;
  };

  void Look();
  // REQUIRES: mutex_ is held.
  Clock::time_point EndOf(const Statement& statement) const;

  const Patience patience_;
  std::mutex mutex_;
  int64_t last_number_ = 0;
  std::map<int64_t, Statement> under_way_;
  std::optional<Clock::time_point> stop_time_;
  std::jthread thread_;  // last: it uses all of the above
};

// `status` of what was under way, by its name where the watch cut it off:
// UNAVAILABLE (STORE_SILENT). What is in doubt stays in doubt.
absl::Status NameSilence(const absl::Status& status, bool was_cut);

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_STATEMENT_WATCH_H_
