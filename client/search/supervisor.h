// SPDX-License-Identifier: Apache-2.0
// Runs the programs of a search: does what the keeper decides.
#ifndef ARCHPOOL_CLIENT_SEARCH_SUPERVISOR_H_
#define ARCHPOOL_CLIENT_SEARCH_SUPERVISOR_H_

#include <array>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "client/search/keeper.h"
#include "client/search/parts.h"
#include "client/search/process.h"
#include "common/base/countdown.h"

namespace archpool::search {

struct SupervisorOptions {
  Folder folder;
  Machine machine;
  std::array<std::string, kPartCount> programs;  // their paths
  int kept_descriptor = -1;                      // as ProcessOptions
  // Called by Run's thread with what is worth a line.
  std::function<void(const std::string&)> on_note;
};

// Thread-safe, but for Run.
class Supervisor {
 public:
  explicit Supervisor(SupervisorOptions options)
      : options_(std::move(options)) {}

  // From now on `part` is kept running.
  void Want(Part part);
  // Where the server listens, once it answers. CANCELLED (STOPPED).
  absl::StatusOr<int> WaitForServer(const std::stop_token& stop) const;
  // There is nothing more to do: all stop.
  void Finish();

  // Runs what is wanted until Finish or `stop`, or until a program cannot be
  // kept running, whereupon `failed` is requested; then stops all, and waits
  // for that. INTERNAL (PROGRAM_ENDED), with the last lines of that program's
  // log. Call once, on a thread that lives as long as this process: the
  // programs end with it.
  absl::Status Run(const std::stop_token& stop, std::stop_source& failed);

 private:
  void ReapEnded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadPort() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Do(const Keeper::Order& order) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Start(Part part) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const SupervisorOptions options_;
  const Stopwatch watch_;

  mutable absl::Mutex mutex_;
  Keeper keeper_ ABSL_GUARDED_BY(mutex_);
  std::array<std::optional<Process>, kPartCount> running_
      ABSL_GUARDED_BY(mutex_);
  int port_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: the server has not said
  // Where a program could not even be started: what the system says.
  std::string start_error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool::search

#endif  // ARCHPOOL_CLIENT_SEARCH_SUPERVISOR_H_
