// SPDX-License-Identifier: Apache-2.0
// Ends statements that the database never answers, as where its process was
// stopped: their connection is shut down under them, and they fail as they do
// where a connection breaks. Over a Unix socket nothing else notices.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_STATEMENT_WATCH_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_STATEMENT_WATCH_H_

#include <chrono>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace archpool::postgres {

// Watches one connection at a time. Thread-safe.
class StatementWatch {
 public:
  StatementWatch();

  // While it lives, for at most `time_max`, the connection of `socket` may
  // work. One guard at a time; the connection outlives it.
  class Guard {
   public:
    Guard(StatementWatch& watch, int socket, absl::Duration time_max);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    StatementWatch& watch_;
  };

 private:
  void Look();

  std::mutex mutex_;
  int socket_ = -1;  // none is watched
  std::chrono::steady_clock::time_point end_;
  std::jthread thread_;
};

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_STATEMENT_WATCH_H_
