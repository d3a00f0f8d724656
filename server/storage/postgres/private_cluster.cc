// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/private_cluster.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "server/storage/postgres/bounded_log.h"
#include "server/storage/postgres/query.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

constexpr char kSocketName[] = "/.s.PGSQL.5432";
constexpr size_t kSocketPathMax = 107;  // sockaddr_un
constexpr absl::Duration kPoll = absl::Milliseconds(20);
// A fast shutdown writes a checkpoint.
constexpr absl::Duration kFastStopMax = absl::Seconds(60);
constexpr absl::Duration kImmediateStopMax = absl::Seconds(20);
constexpr absl::Duration kRestartPause = absl::Milliseconds(500);
// Recovery after a crash replays at most a few gigabytes of log.
constexpr absl::Duration kReadyMax = absl::Minutes(10);
// Children of a killed postmaster may hold its memory for a moment.
constexpr int kFailedStartsMax = 10;
constexpr int64_t kLogBytesMax = int64_t{16} << 20;
constexpr char kLogName[] = "postgres.log";

// Appended to initdb's file, where operators may change them.
constexpr char kConfiguration[] = R"conf(
# archpool: small queries and many small commits.
fsync = on
synchronous_commit = on
shared_buffers = 128MB
max_wal_size = 2GB
jit = off
max_parallel_workers_per_gather = 0
log_min_messages = warning
log_timezone = 'UTC'
timezone = 'UTC'
)conf";

absl::Status StartError(absl::string_view what, const std::string& path) {
  return Internal("POSTGRES_START", absl::StrCat("cannot ", what, " ", path,
                                                 ": ", std::strerror(errno)));
}

// Whether the process runs. One that died and was not reaped, as where a
// container's first process reaps nobody, does not.
bool IsAlive(pid_t pid) {
  if (kill(pid, 0) != 0 && errno != EPERM) return false;
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string text;
  std::getline(file, text);
  // The name before the state is in parentheses, and may hold any character.
  const size_t name_end = text.rfind(") ");
  return name_end == std::string::npos || text[name_end + 2] != 'Z';
}

// For processes, which ring no bell. Nothing calls it off: a start can do
// nothing before the process has ended, and neither can a stop.
bool WaitUntil(absl::FunctionRef<bool()> is_so, absl::Duration time_max) {
  const Countdown rest(time_max);
  while (!is_so()) {
    if (rest.IsOver()) return false;
    WaitOrStop({}, kPoll);
  }
  return true;
}

// Whether `pid` is a process that works in `cluster`, as a postmaster does.
bool WorksIn(pid_t pid, const std::string& cluster) {
  struct stat work;
  struct stat data;
  return stat(absl::StrCat("/proc/", pid, "/cwd").c_str(), &work) == 0 &&
         stat(cluster.c_str(), &data) == 0 && work.st_ino == data.st_ino &&
         work.st_dev == data.st_dev;
}

std::optional<int> MajorOf(const std::string& cluster) {
  std::ifstream file(cluster + "/PG_VERSION");
  int major = 0;
  if (!(file >> major)) return std::nullopt;
  return major;
}

// A cluster is renamed into its place when it is whole: this one was, and is
// not any more. Another one in its place would be an empty pool.
absl::Status Unversioned(const std::string& cluster) {
  return FailedPrecondition(
      "POSTGRES_DAMAGED",
      absl::StrCat(cluster,
                   " is there, and its file PG_VERSION does not say which "
                   "PostgreSQL made it; nothing was changed. Bring the whole "
                   "folder back from a copy, or restore a backup into an empty "
                   "--data-dir (docs/backups.md)"));
}

std::string QuotedValue(absl::string_view value) {
  return absl::StrCat(
      "'", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

}  // namespace

absl::StatusOr<std::unique_ptr<PrivateCluster>> PrivateCluster::Start(
    const PrivateClusterOptions& options) {
  std::unique_ptr<PrivateCluster> cluster(new PrivateCluster);
  ARCHPOOL_RETURN_IF_ERROR(cluster->Prepare(options));
  cluster->supervisor_ =
      std::thread([raw = cluster.get()] { raw->Supervise(); });
  ARCHPOOL_RETURN_IF_ERROR(cluster->WaitUntilReady());
  ARCHPOOL_RETURN_IF_ERROR(cluster->CreateDatabase("archpool"));
  return cluster;
}

PrivateCluster::~PrivateCluster() {
  Stop();
  if (directory_fd_ >= 0) close(directory_fd_);
  if (lock_fd_ >= 0) close(lock_fd_);
}

absl::Status PrivateCluster::Prepare(const PrivateClusterOptions& options) {
  settings_ = options.settings;
  stop_ = options.stop;
  log_check_interval_ = options.log_check_interval;
  std::error_code error;
  directory_ = fs::absolute(options.directory, error).lexically_normal();
  ARCHPOOL_RETURN_IF_ERROR(TakeDirectory());
  const std::string cluster = directory_ + "/cluster";
  const std::optional<int> major = MajorOf(cluster);
  if (!major && fs::exists(cluster, error) && !fs::is_empty(cluster, error)) {
    return Unversioned(cluster);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(programs_, postgres::FindPrograms(major));
  ARCHPOOL_RETURN_IF_ERROR(
      postgres::BoundLog(directory_fd_, kLogName, kLogBytesMax));
  if (major) return StopLeftover();
  return InitCluster();
}

// Makes the directory, locks it, and gives it to PostgreSQL's user.
absl::Status PrivateCluster::TakeDirectory() {
  std::error_code error;
  fs::create_directories(directory_ + "/run", error);
  if (error) {
    errno = error.value();
    return StartError("make the directory", directory_);
  }
  lock_fd_ = open((directory_ + "/lock").c_str(),
                  O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) return StartError("open", directory_ + "/lock");
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    return FailedPrecondition(
        "DATA_DIRECTORY_IN_USE",
        absl::StrCat("another program has ", directory_,
                     " open: stop it, or choose another data directory"));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(user_,
                            postgres::ChooseUser(directory_ + "/cluster"));
  directory_fd_ = open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd_ < 0) return StartError("open", directory_);
  // PostgreSQL's user may have put a link to somebody else's folder there.
  const int run_fd = openat(directory_fd_, "run",
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (run_fd < 0) return StartError("open", directory_ + "/run");
  const absl::Cleanup close_run = [run_fd] { close(run_fd); };
  for (const auto& [fd, path] : {std::make_pair(directory_fd_, directory_),
                                 std::make_pair(run_fd, directory_ + "/run")}) {
    if (user_.changes && fchown(fd, user_.uid, user_.gid) != 0) {
      return StartError("give away", path);
    }
    if (fchmod(fd, 0700) != 0) return StartError("close", path);
  }
  return absl::OkStatus();
}

// Beside, then renamed: a cluster that is there is whole.
absl::Status PrivateCluster::InitCluster() const {
  const std::string beside = directory_ + "/cluster.new";
  const std::string log = directory_ + "/" + kLogName;
  std::error_code error;
  fs::remove_all(beside, error);
  postgres::ChildOptions options{
      .command = {programs_ + "/initdb", "-D",
                  absl::StrCat(postgres::kDirectoryPath, "/cluster.new"),
                  "--username=archpool", "--auth=trust", "--encoding=UTF8",
                  "--locale=C", "--no-instructions"},
      .user = user_,
      .directory_fd = directory_fd_,
      .output_path = log,
      .signal_when_orphaned = SIGKILL};
  for (const auto& [name, value] : settings_) {
    // A caller that gives durability up has nothing to wait for here either.
    if (name == "fsync" && value == "off") {
      options.command.push_back("--no-sync");
    }
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const pid_t child, postgres::StartChild(options));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) {
    return Internal("POSTGRES_START",
                    absl::StrCat("initdb failed; its log (", log,
                                 ") ends: ", postgres::TailOf(log)));
  }
  std::ofstream configuration(beside + "/postgresql.conf", std::ios::app);
  configuration << kConfiguration;
  configuration.close();
  if (!configuration) return StartError("write", beside + "/postgresql.conf");
  if (rename(beside.c_str(), (directory_ + "/cluster").c_str()) != 0) {
    return StartError("rename", beside);
  }
  const int synced = open(directory_.c_str(), O_RDONLY | O_CLOEXEC);
  const bool is_durable = synced >= 0 && fsync(synced) == 0;
  if (synced >= 0) close(synced);
  return is_durable ? absl::OkStatus() : StartError("sync", directory_);
}

// A postmaster that outlived its server, by a moment or for good.
absl::Status PrivateCluster::StopLeftover() const {
  const std::string cluster = directory_ + "/cluster";
  const std::string pid_file = cluster + "/postmaster.pid";
  pid_t pid = 0;
  if (!(std::ifstream(pid_file) >> pid) || pid <= 1 || !IsAlive(pid)) {
    return absl::OkStatus();
  }
  if (!WorksIn(pid, cluster)) {
    // The number now belongs to someone else, whom PostgreSQL would take for
    // its predecessor. Should its children live on, it finds their memory.
    unlink(pid_file.c_str());
    return absl::OkStatus();
  }
  const auto is_gone = [pid] { return !IsAlive(pid); };
  kill(pid, SIGINT);
  if (WaitUntil(is_gone, kFastStopMax)) return absl::OkStatus();
  kill(pid, SIGQUIT);
  if (WaitUntil(is_gone, kImmediateStopMax)) return absl::OkStatus();
  return FailedPrecondition(
      "DATA_DIRECTORY_IN_USE",
      absl::StrCat("PostgreSQL (process ", pid, ") runs on ", cluster,
                   " and does not stop: end it"));
}

void PrivateCluster::WatchLog(pid_t pid) const {
  // Debian 12's header declares pidfd_open for C alone.
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return;
  pollfd end = {.fd = process, .events = POLLIN, .revents = 0};
  const int pause_ms =
      static_cast<int>(absl::ToInt64Milliseconds(log_check_interval_));
  while (true) {
    const int ended = poll(&end, 1, pause_ms);
    if (ended > 0 || (ended < 0 && errno != EINTR)) break;
    // A log that grows is the lesser evil.
    postgres::BoundLog(directory_fd_, kLogName, kLogBytesMax).IgnoreError();
  }
  close(process);
}

void PrivateCluster::Supervise() {
  // Signals are for the threads that wait for them.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  postgres::ChildOptions options{
      .command = {programs_ + "/postgres", "-D",
                  absl::StrCat(postgres::kDirectoryPath, "/cluster"), "-p",
                  "5432", "-c", "listen_addresses=", "-c",
                  absl::StrCat("unix_socket_directories=",
                               postgres::kDirectoryPath, "/run"),
                  "-c", "cluster_name=archpool"},
      .user = user_,
      .directory_fd = directory_fd_,
      .output_path = directory_ + "/" + kLogName,
      .signal_when_orphaned = SIGINT};
  for (const auto& [name, value] : settings_) {
    options.command.push_back("-c");
    options.command.push_back(absl::StrCat(name, "=", value));
  }
  while (true) {
    pid_t pid = 0;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_.stop_requested()) return;
      const absl::StatusOr<pid_t> started = postgres::StartChild(options);
      if (started.ok()) pid_ = pid = *started;
    }
    if (pid != 0) WatchLog(pid);
    // Left a zombie until the mutex is held: its number stays its own for as
    // long as Stop may send it a signal.
    siginfo_t info;
    while (pid != 0 &&
           waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) !=
               0 &&
           errno == EINTR) {
    }
    {
      absl::MutexLock lock(&mutex_);
      if (pid != 0) waitpid(pid, nullptr, 0);
      pid_ = 0;
      ++exits_;
    }
    if (WaitOrStop(stopping_.get_token(), kRestartPause)) return;
  }
}

void PrivateCluster::Stop() {
  stopping_.request_stop();
  for (const auto& [sent, time_max] :
       {std::make_pair(SIGINT, kFastStopMax),
        std::make_pair(SIGQUIT, kImmediateStopMax),
        std::make_pair(SIGKILL, kImmediateStopMax)}) {
    {
      absl::MutexLock lock(&mutex_);
      if (pid_ != 0) kill(pid_, sent);
    }
    if (WaitUntil([this] { return pid() == 0; }, time_max)) break;
  }
  if (supervisor_.joinable()) supervisor_.join();
}

absl::Status PrivateCluster::WaitUntilReady() const {
  const Countdown rest(kReadyMax);
  const std::string log = directory_ + "/" + kLogName;
  while (true) {
    const absl::Status status = postgres::RunGuarded([this]() {
      postgres::Connect(ConnectionString("postgres"));
      return absl::OkStatus();
    });
    if (status.ok()) return status;
    if (stop_.stop_requested()) {
      return Unavailable("STOPPED", "stopped before PostgreSQL was ready");
    }
    int exits = 0;
    {
      absl::MutexLock lock(&mutex_);
      exits = exits_;
    }
    if (exits >= kFailedStartsMax || rest.IsOver()) {
      return Internal(
          "POSTGRES_START",
          absl::StrCat("PostgreSQL does not start (", status.message(),
                       "); its log (", log, ") ends: ", postgres::TailOf(log)));
    }
    // Nobody has the cluster yet who could call Stop: only the token ends this.
    WaitOrStop(stop_, kPoll);
  }
}

std::string PrivateCluster::ConnectionString(absl::string_view database) const {
  return ConnectionTo(directory_, directory_fd_, database);
}

std::string PrivateCluster::ConnectionTo(const std::string& directory,
                                         int directory_fd,
                                         absl::string_view database) {
  std::string host = directory + "/run";
  if (host.size() + sizeof(kSocketName) > kSocketPathMax) {
    host = absl::StrCat("/proc/self/fd/", directory_fd, "/run");
  }
  return absl::StrCat("host=", QuotedValue(host), " port=5432 user=archpool",
                      " dbname=", QuotedValue(database));
}

absl::Status PrivateCluster::CreateDatabase(absl::string_view database) const {
  return postgres::RunGuarded([&]() -> absl::Status {
    const auto connection = postgres::Connect(ConnectionString("postgres"));
    pqxx::nontransaction transaction(*connection);
    const std::string name(database);
    const pqxx::result found = postgres::Execute(
        transaction, "SELECT 1 FROM pg_database WHERE datname = $1::text",
        {name});
    if (found.empty()) {
      transaction.exec("CREATE DATABASE " + transaction.quote_name(name));
    }
    return absl::OkStatus();
  });
}

pid_t PrivateCluster::pid() const {
  absl::MutexLock lock(&mutex_);
  return pid_;
}

}  // namespace archpool
