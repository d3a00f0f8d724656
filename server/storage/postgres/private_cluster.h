// SPDX-License-Identifier: Apache-2.0
// A PostgreSQL cluster that belongs to this program alone, inside its data
// directory: made at the first start, reached through a unix socket in a folder
// that nobody else may enter, stopped with the program.
//
//   <directory>/cluster   the data (initdb's)
//   <directory>/run       the socket
//   <directory>/postgres.log   and .1: 16 MiB at most of what came before
//
// PostgreSQL refuses to run as root: a root server runs it as the user
// `postgres` (or `nobody`), to whom the directory is given. That user reaches
// it through an inherited handle, so it may lie below folders that only root
// may enter, such as /root, and its path may be of any length.
//
// Durable: the settings keep fsync and synchronous commits on. A cluster whose
// server was killed, or that lost power, recovers at the next start; a
// PostgreSQL that outlived its server is stopped first. A PostgreSQL that dies
// while the server runs is started again.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_PRIVATE_CLUSTER_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_PRIVATE_CLUSTER_H_

#include <sys/types.h>

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/storage/postgres/postgres_programs.h"

namespace archpool {

struct PrivateClusterOptions {
  std::string directory;  // made where it is missing
  // Passed to PostgreSQL with -c, over its configuration file.
  std::vector<std::pair<std::string, std::string>> settings;
  // How often the size of its log is looked up.
  absl::Duration log_check_interval = absl::Seconds(30);
  // Ends the wait for it: UNAVAILABLE (STOPPED).
  std::stop_token stop;
};

// Thread-safe.
class PrivateCluster {
 public:
  // Returns once the cluster answers and has a database `archpool`.
  // FAILED_PRECONDITION: DATA_DIRECTORY_IN_USE (another program has it open),
  // POSTGRES_MISSING, POSTGRES_USER (postgres_programs.h). INTERNAL
  // (POSTGRES_START): it does not start; the message ends with its log.
  static absl::StatusOr<std::unique_ptr<PrivateCluster>> Start(
      const PrivateClusterOptions& options);
  ~PrivateCluster();  // stops
  PrivateCluster(const PrivateCluster&) = delete;
  PrivateCluster& operator=(const PrivateCluster&) = delete;

  // Ends its sessions, writes a checkpoint, stops; waits for that. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // The same of a cluster that another process runs in `directory`, which
  // `directory_fd` is open on.
  static std::string ConnectionTo(const std::string& directory,
                                  int directory_fd,
                                  absl::string_view database = "archpool");
  // libpq's, for this process, while this object lives.
  std::string ConnectionString(absl::string_view database = "archpool") const;
  // Makes a database; nothing where it is there. As Migrate's errors.
  absl::Status CreateDatabase(absl::string_view database) const;

  // The process of the running postmaster; 0 between two of them.
  pid_t pid() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  PrivateCluster() = default;
  absl::Status Prepare(const PrivateClusterOptions& options);
  absl::Status TakeDirectory();
  absl::Status InitCluster() const;
  absl::Status StopLeftover() const;
  absl::Status WaitUntilReady() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Bounds its log until the process ends.
  void WatchLog(pid_t pid) const;
  void Supervise() ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant once started.
  std::string directory_;
  std::string programs_;
  std::vector<std::pair<std::string, std::string>> settings_;
  std::stop_token stop_;
  absl::Duration log_check_interval_;
  postgres::RunAs user_;
  int lock_fd_ = -1;
  int directory_fd_ = -1;
  // Requested by Stop: nothing is started after it.
  std::stop_source stopping_;
  std::thread supervisor_;

  mutable absl::Mutex mutex_;
  pid_t pid_ ABSL_GUARDED_BY(mutex_) = 0;
  int exits_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_PRIVATE_CLUSTER_H_
