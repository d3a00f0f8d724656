// SPDX-License-Identifier: Apache-2.0
// Real programs: how they are started, and that they end.
#include "client/search/process.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace archpool::search {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

bool WaitUntil(const std::function<bool()>& is_so) {
  const Countdown rest(absl::Seconds(60));
  while (!is_so()) {
    if (rest.IsOver()) return false;
    WaitOrStop({}, absl::Milliseconds(10));
  }
  return true;
}

class ProcessTest : public ::testing::Test {
 protected:
  Process Start(const std::string& script, int kept_descriptor = -1) {
    absl::StatusOr<Process> process =
        Process::Start({.program = "/bin/sh",
                        .arguments = {"-c", script},
                        .log_path = Log(),
                        .kept_descriptor = kept_descriptor});
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }
  static Ending WaitForEnd(Process& process) {
    EXPECT_TRUE(WaitUntil([&] { return process.Poll().has_value(); }));
    return process.Poll().value_or(Ending{});
  }
  std::string Log() const { return directory_.path() + "/log"; }
  std::string Said() const {
    std::ifstream file(Log());
    return {std::istreambuf_iterator<char>(file),
            std::istreambuf_iterator<char>()};
  }
  std::string MakeProgram(const std::string& name) const {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path) << "#!/bin/sh\n";
    EXPECT_EQ(chmod(path.c_str(), 0700), 0);
    return path;
  }

  const TemporaryDirectory directory_;
};

TEST_F(ProcessTest, AnswersHowItEnded) {
  Process left = Start("exit 3");
  EXPECT_EQ(WaitForEnd(left).Describe(), "exit code 3");
  EXPECT_EQ(left.Poll()->exit_code, 3);  // and goes on doing so
  Process killed = Start("kill -9 $$");
  EXPECT_EQ(WaitForEnd(killed).Describe(), "signal 9");
}

TEST_F(ProcessTest, KeepsWhatItSays) {
  Process one = Start("echo on stdout; echo on stderr >&2");
  WaitForEnd(one);
  Process other = Start("cat; echo at the end");  // stdin is empty
  WaitForEnd(other);
  EXPECT_EQ(Said(), "on stdout\non stderr\nat the end\n");
}

TEST_F(ProcessTest, WhatIsNoProgramSaysSo) {
  absl::StatusOr<Process> process =
      Process::Start({.program = "/nowhere/program", .log_path = Log()});
  ASSERT_TRUE(process.ok());
  EXPECT_EQ(WaitForEnd(*process).exit_code, 127);
  EXPECT_EQ(Said(), "/nowhere/program: No such file or directory\n");
}

TEST_F(ProcessTest, ALogThatCannotBeWrittenIsAnError) {
  const auto process =
      Process::Start({.program = "/bin/true", .log_path = "/nowhere/log"});
  EXPECT_EQ(GetReason(process.status()), "PROGRAM_START");
  EXPECT_THAT(process.status().message(), HasSubstr("/nowhere/log"));
}

TEST_F(ProcessTest, HearsNothingOfAnotherPool) {
  setenv("ARCHPOOL_SERVER", "there:1", 1);
  setenv("ARCHPOOL_SERVER_PIN", "system", 1);
  setenv("ARCHPOOL_TOKEN_FILE", "/token", 1);
  setenv("ARCHPOOL_SERVERLESS", "yes", 1);
  Process process = Start("env");
  WaitForEnd(process);
  EXPECT_THAT(Said(), Not(HasSubstr("there:1")));
  EXPECT_THAT(Said(), Not(HasSubstr("ARCHPOOL_SERVER_PIN")));
  EXPECT_THAT(Said(), Not(HasSubstr("ARCHPOOL_TOKEN_FILE")));
  EXPECT_THAT(Said(), HasSubstr("ARCHPOOL_SERVERLESS=yes"));
  EXPECT_THAT(Said(), HasSubstr("PATH="));
  for (const char* name : {"ARCHPOOL_SERVER", "ARCHPOOL_SERVER_PIN",
                           "ARCHPOOL_TOKEN_FILE", "ARCHPOOL_SERVERLESS"}) {
    unsetenv(name);
  }
}

// A terminal's Ctrl-C goes to a group; and a parent that blocks the signals, or
// ignores them, has children that hear them.
TEST_F(ProcessTest, HearsSignalsOfItsOwnAlone) {
  sigset_t stops;
  sigset_t before;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stops, &before);
  const auto pipe_before = signal(SIGPIPE, SIG_IGN);
  Process process = Start("sleep 1000");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGPIPE, pipe_before);
  EXPECT_TRUE(
      WaitUntil([&] { return getpgid(process.pid()) == process.pid(); }));
  EXPECT_FALSE(process.Poll());
  process.Signal(SIGTERM);
  EXPECT_EQ(WaitForEnd(process).signal, SIGTERM);
}

TEST_F(ProcessTest, DoesNotOutliveItsParent) {
  std::optional<Process> process;
  std::thread([&] {
    process.emplace(Start("echo up; exec sleep 1000"));
    EXPECT_TRUE(WaitUntil([&] { return Said() == "up\n"; }));
  }).join();
  EXPECT_EQ(WaitForEnd(*process).signal, SIGKILL);
}

TEST_F(ProcessTest, WhatIsLeftOfAnEarlierCallIsWaitedFor) {
  const std::string path = directory_.path() + "/running";
  std::optional<Process> process;
  {
    const auto lock = RunningLock::Acquire(path, absl::ZeroDuration());
    ASSERT_TRUE(lock.ok());
    EXPECT_EQ(
        GetReason(RunningLock::Acquire(path, absl::ZeroDuration()).status()),
        "DIRECTORY_IN_USE");
    process.emplace(Start("echo up; exec sleep 1000", lock->descriptor()));
    EXPECT_TRUE(WaitUntil([&] { return Said() == "up\n"; }));
  }
  // Its parent has let go of it, as when it was killed.
  const auto held = RunningLock::Acquire(path, absl::Milliseconds(100));
  EXPECT_EQ(GetReason(held.status()), "DIRECTORY_IN_USE");
  process->Signal(SIGKILL);
  EXPECT_TRUE(RunningLock::Acquire(path, absl::Seconds(60)).ok());
  WaitForEnd(*process);
}

TEST_F(ProcessTest, FindsProgramsBesideItselfFirst) {
  const std::string name = "archpool-worker";
  const auto missing = FindProgram(name, "/nowhere", "/usr/bin:");
  EXPECT_EQ(GetReason(missing.status()), "PROGRAM_MISSING");
  EXPECT_THAT(missing.status().message(),
              HasSubstr("install the package archpool-worker"));
  EXPECT_FALSE(FindProgram(name, "", nullptr).ok());
  const std::string program = MakeProgram(name);
  EXPECT_EQ(*FindProgram(name, directory_.path(), "/usr/bin"), program);
  EXPECT_EQ(*FindProgram(name, "/nowhere",
                         absl::StrCat("/usr/bin:", directory_.path()).c_str()),
            program);
  // What may not be executed is none.
  EXPECT_EQ(chmod(program.c_str(), 0600), 0);
  EXPECT_FALSE(FindProgram(name, directory_.path(), "").ok());
}

TEST_F(ProcessTest, KnowsWhereItLies) { EXPECT_EQ(OwnFolder().front(), '/'); }

TEST_F(ProcessTest, ShowsTheEndOfALog) {
  EXPECT_EQ(LastLines("/nowhere/log"), "");
  std::ofstream(Log()) << "";
  EXPECT_EQ(LastLines(Log()), "");
  std::ofstream(Log()) << "one\ntwo\n";
  EXPECT_EQ(LastLines(Log()), "one\ntwo\n");
  {
    std::ofstream many(Log());
    for (int i = 0; i < 2'000; ++i) many << "line " << i << "\n";
  }
  EXPECT_THAT(LastLines(Log()), HasSubstr("line 1999\n"));
  EXPECT_THAT(LastLines(Log()), HasSubstr("line 1992\n"));
  EXPECT_THAT(LastLines(Log()), Not(HasSubstr("line 1991\n")));
}

}  // namespace
}  // namespace archpool::search
