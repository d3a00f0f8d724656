// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/database_dump.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/child.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "server/storage/postgres/postgres_programs.h"

extern char** environ;

namespace archpool {
namespace {

constexpr absl::Duration kToolPoll = absl::Milliseconds(50);

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// Where a program is to connect. The password stands apart: what is on a
// command line, everybody on the machine may read.
struct ToolConnection {
  std::string text;  // libpq's keywords and values
  std::string password;
};

absl::StatusOr<ToolConnection> SplitConnection(
    const std::string& connection_string) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(connection_string.c_str(), &error));
  if (options == nullptr) {
    const std::string why = error == nullptr ? "no memory" : error;
    PQfreemem(error);
    return InvalidArgument("DATABASE_URL_MALFORMED", why);
  }
  ToolConnection connection;
  for (const PQconninfoOption* one = options.get(); one->keyword != nullptr;
       ++one) {
    if (one->val == nullptr) continue;
    std::string value = one->val;
    if (std::strcmp(one->keyword, "password") == 0) {
      connection.password = value;
      continue;
    }
    // This process's open files are not the program's.
    if (absl::StartsWith(value, "/proc/self/")) {
      value = absl::StrCat("/proc/", getpid(), "/", value.substr(11));
    }
    absl::StrAppend(
        &connection.text, connection.text.empty() ? "" : " ", one->keyword,
        "='", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
  }
  return connection;
}

// What this process has, but for the password, and words in one language.
std::vector<std::string> ToolEnvironment(const std::string& password) {
  std::vector<std::string> environment;
  for (char** one = environ; *one != nullptr; ++one) {
    const bool is_replaced =
        absl::StartsWith(*one, "LC_ALL=") ||
        (!password.empty() && absl::StartsWith(*one, "PGPASSWORD="));
    if (!is_replaced) environment.emplace_back(*one);
  }
  environment.emplace_back("LC_ALL=C");
  if (!password.empty()) {
    environment.push_back(absl::StrCat("PGPASSWORD=", password));
  }
  return environment;
}

// In the child: everything is prepared, nothing is allocated.
[[noreturn]] void BecomeTool(char* const* argv, char* const* environment,
                             pid_t parent, int output_fd) {
  setsid();
  const int null_fd = open("/dev/null", O_RDONLY);
  if (null_fd >= 0) dup2(null_fd, 0);
  dup2(output_fd, 1);
  dup2(output_fd, 2);
  close_range(3, ~0U, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(126);
  ResetSignals();
  umask(0077);
  // The pool's own work comes first.
  static_cast<void>(nice(10));
  execve(argv[0], argv, environment);
  _exit(127);
}

// Ends with the program, whose exit status it answers; or with `stop`, which
// ends the program.
absl::StatusOr<int> AwaitTool(pid_t child, const std::stop_token& stop) {
  int status = 0;
  bool is_told = false;
  while (true) {
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) {
      return Internal("TOOL_LOST", std::strerror(errno));
    }
    if (WaitOrStop(is_told ? std::stop_token() : stop, kToolPoll)) {
      kill(child, SIGTERM);
      is_told = true;
    }
  }
  if (is_told) {
    return Unavailable("STOPPED", "stopped before it was done; run it again");
  }
  return status;
}

absl::Status RunTool(const std::vector<std::string>& command,
                     const std::string& password, const std::string& log_path,
                     absl::string_view reason, const std::stop_token& stop) {
  const std::vector<std::string> environment = ToolEnvironment(password);
  const std::vector<char*> argv = ExecPointers(command);
  const std::vector<char*> variables = ExecPointers(environment);
  const int output_fd =
      open(log_path.c_str(),
           O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (output_fd < 0) {
    return FailedPrecondition(
        "FILE_UNWRITABLE",
        absl::StrCat("cannot write ", log_path, ": ", std::strerror(errno)));
  }
  const pid_t child = ForkChild([&](pid_t parent) {
    BecomeTool(argv.data(), variables.data(), parent, output_fd);
  });
  const int error = errno;
  close(output_fd);
  if (child < 0) {
    return Internal(reason, absl::StrCat("cannot start ", command[0], ": ",
                                         std::strerror(error)));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const int status, AwaitTool(child, stop));
  const std::string words = postgres::TailOf(log_path);
  unlink(log_path.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return Internal(reason, absl::StrCat(command[0], " failed: ", words));
}

}  // namespace

absl::Status DumpDatabase(const DumpOptions& options) {
  ARCHPOOL_ASSIGN_OR_RETURN(const ToolConnection connection,
                            SplitConnection(options.connection_string));
  // Lightly packed: more would take longer than the rest of a backup.
  return RunTool(
      {options.programs + "/pg_dump", "--format=custom", "--compress=1",
       "--no-owner", "--no-privileges", "--no-sync", "--lock-wait-timeout=60s",
       absl::StrCat("--snapshot=", options.snapshot),
       absl::StrCat("--schema=", "\"", options.schema, "\""),
       absl::StrCat("--file=", options.path),
       absl::StrCat("--dbname=", connection.text)},
      connection.password, options.log_path, "DUMP_FAILED", options.stop);
}

absl::Status LoadDump(const DumpOptions& options) {
  ARCHPOOL_ASSIGN_OR_RETURN(const ToolConnection connection,
                            SplitConnection(options.connection_string));
  // What is in the schema, and not the schema, which is there.
  return RunTool({options.programs + "/pg_restore", "--single-transaction",
                  "--exit-on-error", "--no-owner", "--no-privileges",
                  absl::StrCat("--schema=", options.schema),
                  absl::StrCat("--dbname=", connection.text), options.path},
                 connection.password, options.log_path, "RESTORE_FAILED",
                 options.stop);
}

}  // namespace archpool
