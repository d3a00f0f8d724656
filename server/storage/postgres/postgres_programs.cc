// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/postgres_programs.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/base/child.h"
#include "common/base/status.h"

namespace archpool::postgres {
namespace {

namespace fs = std::filesystem;

// What a folder is looked for by; the first one says its version.
using Programs = std::vector<std::string>;

const Programs& ServerPrograms() {
  static const auto* const kPrograms = new Programs{"postgres", "initdb"};
  return *kPrograms;
}

const Programs& ClientPrograms() {
  static const auto* const kPrograms = new Programs{"pg_dump", "pg_restore"};
  return *kPrograms;
}

bool HasPrograms(const std::string& folder, const Programs& programs) {
  return std::all_of(
      programs.begin(), programs.end(), [&folder](const std::string& name) {
        return access(absl::StrCat(folder, "/", name).c_str(), X_OK) == 0;
      });
}

struct Installation {
  int major = 0;  // 0: it does not say
  std::string folder;
};

// <parent>/15<suffix>/bin and the like.
void AddVersioned(const std::string& parent, const std::string& prefix,
                  const Programs& programs, std::vector<Installation>& found) {
  std::error_code error;
  for (fs::directory_iterator it(parent, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    int major = 0;
    if (name.rfind(prefix, 0) != 0 ||
        !absl::SimpleAtoi(name.substr(prefix.size()), &major)) {
      continue;
    }
    const std::string folder = it->path().string() + "/bin";
    if (HasPrograms(folder, programs)) found.push_back({major, folder});
  }
}

// What the program says of itself, for a folder whose name does not tell.
int AskMajor(const std::string& folder, const std::string& program) {
  const std::string quoted = absl::StrReplaceAll(folder, {{"'", "'\\''"}});
  FILE* output =
      popen(absl::StrCat("'", quoted, "/", program, "' --version 2>/dev/null")
                .c_str(),
            "re");
  if (output == nullptr) return 0;
  int major = 0;
  const bool is_known = std::fscanf(output, "%*s (PostgreSQL) %d", &major) == 1;
  return pclose(output) == 0 && is_known ? major : 0;
}

// The newest first; of one version those that a folder's name tells of, since
// what is in PATH may be Debian's wrappers.
std::vector<Installation> FindInstallations(const Programs& programs,
                                            const ProgramPlaces& places) {
  std::vector<Installation> found;
  for (const auto& [parent, prefix] : places.versioned) {
    AddVersioned(parent, prefix, programs, found);
  }
  for (const absl::string_view folder : absl::StrSplit(places.path, ':')) {
    if (!folder.empty() && HasPrograms(std::string(folder), programs)) {
      const std::string name(folder);
      found.push_back({AskMajor(name, programs.front()), name});
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Installation& a, const Installation& b) {
                     return a.major > b.major;
                   });
  return found;
}

[[noreturn]] void Fail(const char* what) {
  const ssize_t ignored = write(2, what, strlen(what));
  static_cast<void>(ignored);
  _exit(126);
}

// In the child: everything is prepared, nothing is allocated. Never returns.
[[noreturn]] void BecomePostgres(const ChildOptions& options, char* const* argv,
                                 const gid_t* groups, size_t group_count,
                                 pid_t parent, int output_fd) {
  setsid();
  dup2(output_fd, 1);
  dup2(output_fd, 2);
  const int null_fd = open("/dev/null", O_RDONLY);
  if (null_fd >= 0) dup2(null_fd, 0);
  // Through a copy: dup2 onto itself would keep close-on-exec.
  const int directory = fcntl(options.directory_fd, F_DUPFD, 100);
  if (directory < 0 || dup2(directory, kDirectoryFd) < 0) {
    Fail("archpool: cannot hand the directory on\n");
  }
  close_range(kDirectoryFd + 1, ~0U, 0);
  if (options.user.changes &&
      (setgroups(group_count, groups) != 0 || setgid(options.user.gid) != 0 ||
       setuid(options.user.uid) != 0)) {
    Fail("archpool: cannot become PostgreSQL's user\n");
  }
  // After the change of user, which would undo it.
  prctl(PR_SET_PDEATHSIG, options.signal_when_orphaned);
  if (getppid() != parent) _exit(126);  // orphaned before that
  ResetSignals();
  umask(0077);
  // PostgreSQL looks at where it was started; that need not be reachable.
  if (chdir("/") != 0) Fail("archpool: cannot enter /\n");
  // Nothing of the environment: PGDATA, PGPORT and locales are ours to set.
  static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
  static char locale[] = "LC_ALL=C";
  static char* const environment[] = {path, locale, nullptr};
  execve(argv[0], argv, environment);
  Fail("archpool: cannot run PostgreSQL\n");
}

}  // namespace

namespace {

absl::Status MadeByAnother(int made_by, int newest) {
  return FailedPrecondition(
      "POSTGRES_MISSING",
      absl::StrCat(
          "the private database was made with PostgreSQL ", made_by,
          ", and here is PostgreSQL ", newest,
          ", which cannot open it; nothing was changed. Install postgresql-",
          made_by,
          " beside it (where this system has it no more, apt.postgresql.org "
          "does) and start again",
          newest > made_by
              ? ". To go over to the new version then: archpool-server backup "
                "DIR, and archpool-server restore DIR into an empty --data-dir "
                "(docs/upgrade.md)"
              : ""));
}

}  // namespace

ProgramPlaces SystemPlaces() {
  const char* const path = std::getenv("PATH");
  return {.versioned = {{"/usr/lib/postgresql", ""},
                        {"/usr", "pgsql-"},
                        {"/opt/homebrew/opt", "postgresql@"}},
          .path = path == nullptr ? "" : path};
}

absl::StatusOr<std::string> FindPrograms(std::optional<int> major,
                                         const ProgramPlaces& places) {
  const std::vector<Installation> found =
      FindInstallations(ServerPrograms(), places);
  for (const Installation& installation : found) {
    if (!major || installation.major == *major) {
      return installation.folder;
    }
  }
  if (major && !found.empty())
    return MadeByAnother(*major, found.front().major);
  const std::string package =
      major ? absl::StrCat("postgresql-", *major) : std::string("postgresql");
  return FailedPrecondition(
      "POSTGRES_MISSING",
      absl::StrCat("initdb and postgres",
                   major ? absl::StrCat(" of version ", *major) : "",
                   " are not installed: install them (Debian: apt-get install ",
                   package,
                   "), or name a running database with "
                   "--database-url"));
}

absl::StatusOr<std::string> FindClientPrograms(int major_min,
                                               const ProgramPlaces& places) {
  const Installation* closest = nullptr;
  const std::vector<Installation> found =
      FindInstallations(ClientPrograms(), places);
  for (const Installation& one : found) {
    if (one.major < major_min) break;
    if (closest == nullptr || one.major < closest->major) closest = &one;
  }
  if (closest != nullptr) return closest->folder;
  return FailedPrecondition(
      "POSTGRES_MISSING",
      absl::StrCat("pg_dump and pg_restore of version ", major_min,
                   " or later are not installed: install them (Debian: apt-get "
                   "install postgresql-client-",
                   major_min, ")"));
}

absl::StatusOr<RunAs> ChooseUser(const std::string& existing_cluster) {
  struct stat owner;
  const bool exists = stat(existing_cluster.c_str(), &owner) == 0;
  const uid_t self = geteuid();
  if (self != 0) {
    if (exists && owner.st_uid != self) {
      return FailedPrecondition(
          "POSTGRES_USER",
          absl::StrCat(existing_cluster, " belongs to user ", owner.st_uid,
                       " and this is user ", self,
                       ": run as that user, or give the files to this one"));
    }
    return RunAs{.uid = self, .gid = getegid(), .changes = false};
  }
  if (exists && owner.st_uid != 0) {
    return RunAs{.uid = owner.st_uid, .gid = owner.st_gid, .changes = true};
  }
  for (const char* name : {"postgres", "nobody"}) {
    const passwd* user = getpwnam(name);
    if (user != nullptr && user->pw_uid != 0) {
      return RunAs{.uid = user->pw_uid, .gid = user->pw_gid, .changes = true};
    }
  }
  return FailedPrecondition(
      "POSTGRES_USER",
      "PostgreSQL refuses to run as root, and there is neither a user "
      "'postgres' nor 'nobody': make one, or run the server as another user");
}

absl::StatusOr<pid_t> StartChild(const ChildOptions& options) {
  // Nobody reads a pipe that PostgreSQL's user put there: it is not waited for.
  const int output_fd =
      open(options.output_path.c_str(),
           O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
           0600);
  if (output_fd < 0) {
    return Internal("POSTGRES_START",
                    absl::StrCat("cannot write ", options.output_path, ": ",
                                 std::strerror(errno)));
  }
  const std::vector<char*> argv = ExecPointers(options.command);
  // The groups of the user, such as the one that may read TLS keys.
  gid_t groups[64] = {options.user.gid};
  int group_count = 1;
  const passwd* user = getpwuid(options.user.uid);
  if (user != nullptr) {
    group_count = 64;
    if (getgrouplist(user->pw_name, options.user.gid, groups, &group_count) <
        0) {
      group_count = 64;
    }
  }
  const pid_t child = ForkChild([&](pid_t parent) {
    BecomePostgres(options, argv.data(), groups,
                   static_cast<size_t>(group_count), parent, output_fd);
  });
  const int error = errno;
  close(output_fd);
  if (child < 0) {
    return Internal("POSTGRES_START",
                    absl::StrCat("cannot start ", options.command[0], ": ",
                                 std::strerror(error)));
  }
  return child;
}

std::string TailOf(const std::string& path) {
  const int file =
      open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return "";
  const absl::Cleanup close_file = [file] { close(file); };
  struct stat found;
  if (fstat(file, &found) != 0 || !S_ISREG(found.st_mode)) return "";
  constexpr off_t kTail = 600;
  std::string text(kTail, '\0');
  const ssize_t read = pread(file, text.data(), text.size(),
                             std::max<off_t>(0, found.st_size - kTail));
  text.resize(read < 0 ? 0 : static_cast<size_t>(read));
  return text;
}

}  // namespace archpool::postgres
