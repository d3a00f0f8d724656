// SPDX-License-Identifier: Apache-2.0
// Finds PostgreSQL's programs and runs them as a user that they accept.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_PROGRAMS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_PROGRAMS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace archpool::postgres {

// Where PostgreSQL's programs may be.
struct ProgramPlaces {
  // Folders with one for each major version, and what these are called before
  // its number: {"/usr/lib/postgresql", ""} has 15/bin, 17/bin and so on.
  std::vector<std::pair<std::string, std::string>> versioned;
  std::string path;  // folders as in $PATH; their programs say their version
};
// Where Debian, Red Hat and Homebrew put them, and this process's PATH.
ProgramPlaces SystemPlaces();

// The folder that holds `initdb` and `postgres`: of the major version `major`,
// which made a cluster and alone can open it, where it is given; of the newest
// one otherwise. FAILED_PRECONDITION (POSTGRES_MISSING): none; the message says
// what to do.
absl::StatusOr<std::string> FindPrograms(
    std::optional<int> major, const ProgramPlaces& places = SystemPlaces());

// The folder that holds `pg_dump` and `pg_restore`, of the version closest to
// `major_min` that is no older: an older one does not read a newer server.
// FAILED_PRECONDITION (POSTGRES_MISSING).
absl::StatusOr<std::string> FindClientPrograms(
    int major_min, const ProgramPlaces& places = SystemPlaces());

// Who PostgreSQL runs as.
struct RunAs {
  uid_t uid = 0;
  gid_t gid = 0;
  bool changes = false;  // this process is someone else: root
};

// This process's own user; for root, which PostgreSQL refuses, the owner of
// `existing_cluster` where that exists, else `postgres`, else `nobody`.
// FAILED_PRECONDITION (POSTGRES_USER): none of them, or the cluster belongs to
// another user than this process can be.
absl::StatusOr<RunAs> ChooseUser(const std::string& existing_cluster);

struct ChildOptions {
  std::vector<std::string> command;  // the first one is the program's path
  RunAs user;
  int directory_fd = -1;    // is kDirectoryFd in the child
  std::string output_path;  // where its output is appended
  int signal_when_orphaned = 0;
};
// The child knows the directory as /proc/self/fd/3: a name that leads to it
// however long its path is, and even where the user may not enter what lies
// above it (a folder under /root).
inline constexpr int kDirectoryFd = 3;
inline constexpr char kDirectoryPath[] = "/proc/self/fd/3";

// Starts a child in a session of its own (a terminal's Ctrl-C is for the server
// alone), with no other file of this process open. It is sent
// `signal_when_orphaned` when the calling *thread* ends. INTERNAL
// (POSTGRES_START).
absl::StatusOr<pid_t> StartChild(const ChildOptions& options);

// The last lines of a log, for a message.
std::string TailOf(const std::string& path);

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_POSTGRES_PROGRAMS_H_
