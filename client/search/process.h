// SPDX-License-Identifier: Apache-2.0
// One program that this process starts and outlives.
#ifndef ARCHPOOL_CLIENT_SEARCH_PROCESS_H_
#define ARCHPOOL_CLIENT_SEARCH_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/search/keeper.h"

namespace archpool::search {

// The folder of the program that runs; "" where the system does not say.
std::string OwnFolder();

// `program` beside this one, else in PATH. NOT_FOUND (PROGRAM_MISSING), naming
// the package that has it.
absl::StatusOr<std::string> FindProgram(const std::string& program,
                                        const std::string& own_folder,
                                        const char* path);

struct ProcessOptions {
  std::string program;  // its path
  std::vector<std::string> arguments;
  std::string log_path;  // what it says is added there
  // Handed on, open, so that a lock on it lasts as long as the program; -1:
  // nothing is.
  int kept_descriptor = -1;
};

// Thread-compatible.
class Process {
 public:
  // Starts the program in a process group of its own, so that a terminal's
  // Ctrl-C does not reach it; it is killed when the calling thread ends, and so
  // with this process, however that does. INTERNAL (PROGRAM_START).
  //
  // What this command was told of another pool through the environment is not
  // handed on.
  static absl::StatusOr<Process> Start(const ProcessOptions& options);

  // How it ended; nullopt while it runs. Answers the same from then on.
  std::optional<Ending> Poll();

  void Signal(int signal) const;
  pid_t pid() const { return pid_; }

 private:
  explicit Process(pid_t pid) : pid_(pid) {}

  pid_t pid_;
  std::optional<Ending> ending_;
};

// Not copied and no lock of its own: what programs of an earlier call, whose
// command was killed, may still have. Thread-compatible.
class RunningLock {
 public:
  // Waits for them to end, `time_max` at most. FAILED_PRECONDITION
  // (DIRECTORY_IN_USE): they have not. FILE_UNWRITABLE.
  static absl::StatusOr<RunningLock> Acquire(const std::string& path,
                                             absl::Duration time_max);
  ~RunningLock();
  RunningLock(RunningLock&& other) noexcept;
  RunningLock& operator=(RunningLock&&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  explicit RunningLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;  // -1 once moved from
};

// The end of the file at `path`, some lines of it; "" where it cannot be read.
std::string LastLines(const std::string& path);

}  // namespace archpool::search

#endif  // ARCHPOOL_CLIENT_SEARCH_PROCESS_H_
