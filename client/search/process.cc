// SPDX-License-Identifier: Apache-2.0
#include "client/search/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/child.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "common/base/stop.h"

extern char** environ;

namespace archpool::search {
namespace {

constexpr absl::Duration kLockPoll = absl::Milliseconds(50);
// What a child says of itself where it cannot become the program.
constexpr int kNotExecuted = 127;
constexpr size_t kLinesShown = 8;
constexpr std::streamoff kBytesShown = 4'000;

bool IsProgram(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) &&
         access(path.c_str(), X_OK) == 0;
}

// They name another pool, whom it is known by, and who calls it.
bool TellsOfAPool(absl::string_view variable) {
  return absl::StartsWith(variable, "ARCHPOOL_SERVER=") ||
         absl::StartsWith(variable, "ARCHPOOL_SERVER_PIN=") ||
         absl::StartsWith(variable, "ARCHPOOL_TOKEN_FILE=");
}

// In the child, which may allocate nothing. Never returns.
[[noreturn]] void Become(char* const* argv, char* const* environment,
                         int log_fd, int null_fd, int kept_fd, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kNotExecuted);  // it ended before that
  dup2(null_fd, STDIN_FILENO);
  dup2(log_fd, STDOUT_FILENO);
  dup2(log_fd, STDERR_FILENO);
  if (kept_fd >= 0) fcntl(kept_fd, F_SETFD, 0);  // not closed by what follows
  ResetSignals();
  execve(argv[0], argv, environment);
  const char* const program = argv[0];
  const char* const reason = strerrordesc_np(errno);
  for (const char* text : {program, ": ", reason, "\n"}) {
    const ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    static_cast<void>(ignored);
  }
  _exit(kNotExecuted);
}

absl::Status StartError(const std::string& what, int error) {
  return Internal("PROGRAM_START",
                  absl::StrCat("cannot ", what, ": ", std::strerror(error)));
}

}  // namespace

std::string OwnFolder() {
  std::error_code error;
  const std::filesystem::path path =
      std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "" : path.parent_path().string();
}

absl::StatusOr<std::string> FindProgram(const std::string& program,
                                        const std::string& own_folder,
                                        const char* path) {
  if (!own_folder.empty()) {
    const std::string beside = absl::StrCat(own_folder, "/", program);
    if (IsProgram(beside)) return beside;
  }
  for (const absl::string_view folder :
       absl::StrSplit(path == nullptr ? "" : path, ':', absl::SkipEmpty())) {
    const std::string found = absl::StrCat(folder, "/", program);
    if (IsProgram(found)) return found;
  }
  return NotFound(
      "PROGRAM_MISSING",
      absl::StrCat("a search runs a whole pool on this machine, and ", program,
                   " is neither beside this program (", own_folder,
                   ") nor in the PATH: install the package ", program));
}

absl::StatusOr<Process> Process::Start(const ProcessOptions& options) {
  const int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null_fd < 0) return StartError("open /dev/null", errno);
  const int log_fd = open(options.log_path.c_str(),
                          O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) {
    const int error = errno;
    close(null_fd);
    return StartError("write " + options.log_path, error);
  }
  std::vector<std::string> words = {options.program};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!TellsOfAPool(*variable)) variables.emplace_back(*variable);
  }
  const std::vector<char*> argv = ExecPointers(words);
  const std::vector<char*> environment = ExecPointers(variables);
  const pid_t child = ForkChild([&](pid_t parent) {
    Become(argv.data(), environment.data(), log_fd, null_fd,
           options.kept_descriptor, parent);
  });
  const int error = errno;
  close(log_fd);
  close(null_fd);
  if (child < 0) return StartError("start " + options.program, error);
  return Process(child);
}

std::optional<Ending> Process::Poll() {
  if (ending_) return ending_;
  int status = 0;
  const pid_t answer = waitpid(pid_, &status, WNOHANG);
  if (answer == 0 || (answer < 0 && errno == EINTR)) return std::nullopt;
  if (answer < 0 || WIFEXITED(status)) {
    // Where nobody knows (another reaped it), it is gone anyway.
    ending_ = Ending{answer < 0 ? 1 : WEXITSTATUS(status), 0};
  } else {
    ending_ = Ending{0, WTERMSIG(status)};
  }
  return ending_;
}

void Process::Signal(int signal) const {
  if (!ending_) kill(pid_, signal);
}

absl::StatusOr<RunningLock> RunningLock::Acquire(const std::string& path,
                                                 absl::Duration time_max) {
  const int descriptor =
      open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return FailedPrecondition(
        "FILE_UNWRITABLE",
        absl::StrCat("cannot open ", path, ": ", std::strerror(errno)));
  }
  RunningLock lock(descriptor);
  const Countdown rest(time_max);
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (rest.IsOver()) {
      return FailedPrecondition(
          "DIRECTORY_IN_USE",
          absl::StrCat("programs of an earlier search still hold ", path,
                       ": end them (fuser ", path, " names them)"));
    }
    WaitOrStop({}, kLockPoll);
  }
  return lock;
}

RunningLock::~RunningLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

RunningLock::RunningLock(RunningLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

std::string LastLines(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - kBytesShown));
  const std::string text((std::istreambuf_iterator<char>(file)),
                         std::istreambuf_iterator<char>());
  std::vector<std::string> lines =
      absl::StrSplit(text, '\n', absl::SkipEmpty());
  if (size > kBytesShown && !lines.empty()) lines.erase(lines.begin());
  const size_t skipped =
      lines.size() > kLinesShown ? lines.size() - kLinesShown : 0;
  std::string shown;
  for (size_t i = skipped; i < lines.size(); ++i) {
    absl::StrAppend(&shown, lines[i], "\n");
  }
  return shown;
}

}  // namespace archpool::search
