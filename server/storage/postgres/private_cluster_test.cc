// SPDX-License-Identifier: Apache-2.0
// Every way in which a server and its PostgreSQL may part: clean, killed,
// crashed, power lost, twice at once. Real processes.
#include "server/storage/postgres/private_cluster.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/storage/postgres/query.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

class PrivateClusterTest : public ::testing::Test {
 protected:
  // initdb takes seconds: it runs once, and each test gets a copy.
  static void SetUpTestSuite() {
    first_ = new TemporaryDirectory;
    ASSERT_THAT(PrivateCluster::Start({.directory = first_->path() + "/data"}),
                IsOk());
  }
  static void TearDownTestSuite() {
    delete first_;
    first_ = nullptr;
  }
  void CopyCluster() const {
    std::filesystem::create_directories(path());
    ASSERT_EQ(
        system(
            absl::StrCat("cp -a ", first_->path(), "/data/. ", path()).c_str()),
        0);
  }

  std::string path() const { return directory_.path() + "/data/postgres"; }

  std::unique_ptr<PrivateCluster> StartCluster() {
    if (!std::filesystem::exists(path())) CopyCluster();
    auto cluster = PrivateCluster::Start({.directory = path()});
    EXPECT_THAT(cluster, IsOk());
    return cluster.ok() ? *std::move(cluster) : nullptr;
  }

  // Runs one statement; the first value of its result, or the error.
  static std::string Query(const PrivateCluster& cluster,
                           const std::string& sql) {
    std::string value;
    const absl::Status status = postgres::RunGuarded([&] {
      const auto connection = postgres::Connect(cluster.ConnectionString());
      pqxx::nontransaction transaction(*connection);
      const pqxx::result result = transaction.exec(sql);
      if (!result.empty()) value = result.at(0).at(0).c_str();
      return absl::OkStatus();
    });
    return status.ok() ? value : status.ToString();
  }

  // The postmaster's own word.
  pid_t PidInFile() const {
    pid_t pid = 0;
    std::ifstream(path() + "/cluster/postmaster.pid") >> pid;
    return pid;
  }

  static bool IsAlive(pid_t pid) { return kill(pid, 0) == 0; }

  // A server that starts the cluster, writes a row and waits to be killed.
  // Returns its pid once the row is committed.
  pid_t StartServerProcess() {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
      const auto cluster = StartCluster();
      Query(*cluster, "CREATE TABLE kept (x bigint)");
      Query(*cluster, "INSERT INTO kept VALUES (42)");
      const ssize_t written = write(ready[1], "x", 1);
      static_cast<void>(written);
      pause();
      _exit(0);
    }
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
  }

  static TemporaryDirectory* first_;
  TemporaryDirectory directory_;
};

TemporaryDirectory* PrivateClusterTest::first_ = nullptr;

TEST_F(PrivateClusterTest, KeepsItsDataFromStartToStart) {
  auto cluster = StartCluster();
  ASSERT_NE(cluster, nullptr);
  EXPECT_EQ(Query(*cluster, "CREATE TABLE kept (x bigint)"), "");
  EXPECT_EQ(Query(*cluster, "INSERT INTO kept VALUES (7)"), "");
  const pid_t pid = cluster->pid();
  EXPECT_EQ(pid, PidInFile());
  cluster->Stop();
  EXPECT_FALSE(IsAlive(pid));
  EXPECT_EQ(PidInFile(), 0);
  cluster->Stop();  // idempotent
  cluster = nullptr;

  cluster = StartCluster();
  ASSERT_NE(cluster, nullptr);
  EXPECT_EQ(Query(*cluster, "SELECT x FROM kept"), "7");
}

// What a pool's books need, and that nobody else gets in: no network, and a
// folder that is closed.
TEST_F(PrivateClusterTest, IsDurableAndPrivate) {
  const auto cluster = StartCluster();
  ASSERT_NE(cluster, nullptr);
  EXPECT_EQ(Query(*cluster, "SHOW fsync"), "on");
  EXPECT_EQ(Query(*cluster, "SHOW synchronous_commit"), "on");
  EXPECT_EQ(Query(*cluster, "SHOW full_page_writes"), "on");
  EXPECT_EQ(Query(*cluster, "SHOW listen_addresses"), "");
  EXPECT_EQ(Query(*cluster, "SHOW server_encoding"), "UTF8");
  EXPECT_EQ(Query(*cluster,
                  "SELECT datcollate FROM pg_database"
                  " WHERE datname = 'archpool'"),
            "C");
  for (const std::string& folder :
       {path(), path() + "/run", path() + "/cluster"}) {
    struct stat status;
    ASSERT_EQ(stat(folder.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U) << folder;
    if (geteuid() == 0) {
      EXPECT_NE(status.st_uid, 0U) << folder;
    }
  }
  struct stat process;
  ASSERT_EQ(stat(absl::StrCat("/proc/", cluster->pid()).c_str(), &process), 0);
  EXPECT_NE(process.st_uid, 0U);
}

// PostgreSQL's user may not enter what lies above the data (a clone under
// /root), and a socket's path may have 107 bytes.
TEST_F(PrivateClusterTest, WorksBelowClosedFoldersAndLongPaths) {
  const std::string closed = directory_.path() + "/closed";
  const std::string deep = closed + "/" + std::string(120, 'd') + "/it's, here";
  CopyCluster();
  std::filesystem::create_directories(
      std::filesystem::path(deep).parent_path());
  std::filesystem::rename(path(), deep);
  ASSERT_EQ(chmod(closed.c_str(), 0700), 0);
  const auto cluster = PrivateCluster::Start({.directory = deep});
  ASSERT_THAT(cluster, IsOk());
  EXPECT_EQ(Query(**cluster, "SELECT 1"), "1");
}

TEST_F(PrivateClusterTest, SecondProgramOnOneDirectoryIsRefused) {
  const auto cluster = StartCluster();
  ASSERT_NE(cluster, nullptr);
  const auto second = PrivateCluster::Start({.directory = path()});
  EXPECT_THAT(second, FailsWith("DATA_DIRECTORY_IN_USE"));
  EXPECT_EQ(Query(*cluster, "SELECT 1"), "1");
}

// kill -9 of the server: PostgreSQL stops by itself, the next start waits for
// that, and what was committed is there.
TEST_F(PrivateClusterTest, KilledServerLosesNothing) {
  const pid_t server = StartServerProcess();
  const pid_t postmaster = PidInFile();
  ASSERT_GT(postmaster, 1);
  kill(server, SIGKILL);
  ASSERT_EQ(waitpid(server, nullptr, 0), server);
  const auto cluster = StartCluster();  // at once
  ASSERT_NE(cluster, nullptr);
  EXPECT_NE(cluster->pid(), postmaster);
  EXPECT_FALSE(IsAlive(postmaster));
  EXPECT_EQ(Query(*cluster, "SELECT x FROM kept"), "42");
}

// Server and PostgreSQL killed together, as in a power cut.
TEST_F(PrivateClusterTest, RecoversFromACrash) {
  const pid_t server = StartServerProcess();
  kill(PidInFile(), SIGKILL);
  kill(server, SIGKILL);
  ASSERT_EQ(waitpid(server, nullptr, 0), server);
  EXPECT_GT(PidInFile(), 1);  // left behind
  const auto cluster = StartCluster();
  ASSERT_NE(cluster, nullptr);
  EXPECT_EQ(Query(*cluster, "SELECT x FROM kept"), "42");
}

// A postmaster that the server's death did not reach (stopped meanwhile) is
// stopped by the next server.
TEST_F(PrivateClusterTest, LeftoverPostmasterIsStopped) {
  const pid_t server = StartServerProcess();
  const pid_t postmaster = PidInFile();
  kill(postmaster, SIGSTOP);
  kill(server, SIGKILL);
  ASSERT_EQ(waitpid(server, nullptr, 0), server);
  const pid_t waker = fork();
  if (waker == 0) {
    usleep(300'000);
    kill(postmaster, SIGCONT);
    _exit(0);
  }
  const auto cluster = StartCluster();
  ASSERT_NE(cluster, nullptr);
  EXPECT_FALSE(IsAlive(postmaster));
  EXPECT_EQ(Query(*cluster, "SELECT x FROM kept"), "42");
  EXPECT_EQ(waitpid(waker, nullptr, 0), waker);
}

// The number in a stale file may by now belong to a stranger of the same user.
TEST_F(PrivateClusterTest, StaleFileWithAStrangersNumberIsNoObstacle) {
  StartCluster().reset();
  const pid_t stranger = fork();
  if (stranger == 0) {
    pause();
    _exit(0);
  }
  struct stat owner;
  ASSERT_EQ(stat((path() + "/cluster").c_str(), &owner), 0);
  const std::string file = path() + "/cluster/postmaster.pid";
  std::ofstream(file) << stranger << "\n/elsewhere\n1\n5432\n\n\n\n";
  ASSERT_EQ(chown(file.c_str(), owner.st_uid, owner.st_gid), 0);
  const auto cluster = StartCluster();
  ASSERT_NE(cluster, nullptr);
  EXPECT_EQ(Query(*cluster, "SELECT 1"), "1");
  EXPECT_TRUE(IsAlive(stranger));
  kill(stranger, SIGKILL);
  EXPECT_EQ(waitpid(stranger, nullptr, 0), stranger);
}

// A PostgreSQL that dies under a running server comes back.
TEST_F(PrivateClusterTest, DeadPostmasterIsStartedAgain) {
  const auto cluster = StartCluster();
  ASSERT_NE(cluster, nullptr);
  Query(*cluster, "CREATE TABLE kept (x bigint)");
  Query(*cluster, "INSERT INTO kept VALUES (9)");
  const pid_t postmaster = cluster->pid();
  kill(postmaster, SIGKILL);
  const absl::Time end = absl::Now() + absl::Seconds(60);
  while (Query(*cluster, "SELECT x FROM kept") != "9" && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(Query(*cluster, "SELECT x FROM kept"), "9");
  EXPECT_NE(cluster->pid(), postmaster);
}

TEST_F(PrivateClusterTest, BoundsItsLogWhileItRuns) {
  CopyCluster();
  const auto cluster = PrivateCluster::Start(
      {.directory = path(), .log_check_interval = absl::Milliseconds(50)});
  ASSERT_THAT(cluster, IsOk());
  const std::string log = path() + "/postgres.log";
  std::ofstream(log, std::ios::app) << std::string(size_t{17} << 20, 'x');
  const absl::Time end = absl::Now() + absl::Seconds(60);
  while (std::filesystem::file_size(log) > 1 << 20 && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_LT(std::filesystem::file_size(log), 1 << 20);
  EXPECT_EQ(std::filesystem::file_size(log + ".1"), size_t{16} << 20);
}

// Only the folder that it made is given to PostgreSQL's user.
TEST_F(PrivateClusterTest, FollowsNoLinkOfPostgresUser) {
  CopyCluster();
  const std::string elsewhere = directory_.path() + "/elsewhere";
  std::filesystem::create_directory(elsewhere);
  std::filesystem::permissions(elsewhere, std::filesystem::perms(0755));
  std::filesystem::remove_all(path() + "/run");
  std::filesystem::create_symlink(elsewhere, path() + "/run");
  EXPECT_FALSE(PrivateCluster::Start({.directory = path()}).ok());
  struct stat found;
  ASSERT_EQ(stat(elsewhere.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0755U);
  EXPECT_EQ(found.st_uid, geteuid());
}

TEST_F(PrivateClusterTest, WaitsForNoPipeOfPostgresUser) {
  CopyCluster();
  std::filesystem::remove(path() + "/postgres.log");
  ASSERT_EQ(mkfifo((path() + "/postgres.log").c_str(), 0600), 0);
  EXPECT_THAT(PrivateCluster::Start({.directory = path()}),
              FailsWith("POSTGRES_START"));
}

// An initdb that was cut short leaves nothing that passes for a cluster.
TEST_F(PrivateClusterTest, InterruptedInitIsRepeated) {
  std::filesystem::create_directories(path() + "/cluster.new/base");
  std::ofstream(path() + "/cluster.new/PG_VERSION") << "15\n";
  const auto cluster = StartCluster();
  ASSERT_NE(cluster, nullptr);
  EXPECT_EQ(Query(*cluster, "SELECT 1"), "1");
  EXPECT_FALSE(std::filesystem::exists(path() + "/cluster.new"));
}

TEST_F(PrivateClusterTest, ClusterOfAMissingVersionNamesThePackage) {
  std::filesystem::create_directories(path() + "/cluster");
  std::ofstream(path() + "/cluster/PG_VERSION") << "9\n";
  const auto cluster = PrivateCluster::Start({.directory = path()});
  EXPECT_THAT(cluster, FailsWith("POSTGRES_MISSING"));
  EXPECT_THAT(std::string(cluster.status().message()),
              HasSubstr("postgresql-9"));
}

// Files that a bad copy or disk took the version from are somebody's money: no
// empty cluster takes their place.
TEST_F(PrivateClusterTest, ClusterOfNoVersionIsLeftAlone) {
  std::filesystem::create_directories(path() + "/cluster/base");
  std::ofstream(path() + "/cluster/PG_VERSION") << "";
  EXPECT_THAT(PrivateCluster::Start({.directory = path()}),
              FailsWith("POSTGRES_DAMAGED"));
  std::filesystem::remove(path() + "/cluster/PG_VERSION");
  const auto cluster = PrivateCluster::Start({.directory = path()});
  EXPECT_THAT(cluster, FailsWith("POSTGRES_DAMAGED"));
  EXPECT_THAT(std::string(cluster.status().message()), HasSubstr("PG_VERSION"));
  EXPECT_TRUE(std::filesystem::exists(path() + "/cluster/base"));
}

// A start that cannot succeed ends, and shows PostgreSQL's own words.
TEST_F(PrivateClusterTest, FailingStartShowsTheLog) {
  CopyCluster();
  const auto cluster = PrivateCluster::Start(
      {.directory = path(), .settings = {{"no_such_setting", "1"}}});
  EXPECT_THAT(cluster, FailsWith("POSTGRES_START"));
  EXPECT_THAT(std::string(cluster.status().message()),
              HasSubstr("no_such_setting"));
}

}  // namespace
}  // namespace archpool
