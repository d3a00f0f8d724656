// SPDX-License-Identifier: Apache-2.0
// The supervisor with scripts in the programs' places.
#include "client/search/supervisor.h"

#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace archpool::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Writes its name when it is up and when it is asked to end.
constexpr char kWorks[] = R"(
up() { echo "$1 up" >>"$2"; }
down() { echo "$1 down" >>"$2"; exit 0; }
run() {
  trap "down $1 $2" TERM
  up "$1" "$2"
  while :; do sleep 0.05; done
}
)";
// As the server does, with the port that it is told, or one of its own.
constexpr char kAnswers[] = R"(
while [ $# -gt 0 ]; do
  case $1 in
    --port-file) file=$2 ;;
    --listen) port=${2##*:} ;;
  esac
  shift
done
[ "$port" != 0 ] || port=4242
echo $port >"$file.new"
mv "$file.new" "$file"
)";

class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() {
    options_.folder.root = directory_.path();
    mkdir(options_.folder.LogsPath().c_str(), 0700);
    options_.on_note = [this](const std::string& note) {
      notes_.push_back(note);
    };
    SetProgram(Part::kServer, absl::StrCat(kAnswers, Run("server")));
    SetProgram(Part::kVerifier, Run("verifier"));
    SetProgram(Part::kWorker, Run("worker"));
  }

  std::string Run(const std::string& name) const {
    return absl::StrCat(kWorks, "run ", name, " ", Path("events"), "\n");
  }
  std::string Path(const std::string& name) const {
    return directory_.path() + "/" + name;
  }
  void SetProgram(Part part, const std::string& script) {
    const std::string path = Path(ProgramOf(part));
    std::ofstream(path) << "#!/bin/sh\n" << script;
    EXPECT_EQ(chmod(path.c_str(), 0700), 0);
    options_.programs[static_cast<size_t>(part)] = path;
  }
  std::vector<std::string> Events() const {
    std::vector<std::string> events;
    std::ifstream file(Path("events"));
    for (std::string line; std::getline(file, line);) events.push_back(line);
    return events;
  }
  static void WaitUntil(const std::function<bool()>& is_so) {
    for (int tries = 0; tries < 6'000 && !is_so(); ++tries) {
      WaitOrStop({}, absl::Milliseconds(10));
    }
    EXPECT_TRUE(is_so());
  }
  // Does `use`, then finishes, beside the supervisor, which this thread runs.
  absl::Status RunBeside(Supervisor& supervisor,
                         const std::function<void()>& use) {
    std::jthread user([&] {
      use();
      supervisor.Finish();
    });
    return supervisor.Run(stop_.get_token(), failed_);
  }

  const TemporaryDirectory directory_;
  SupervisorOptions options_;
  std::vector<std::string> notes_;
  std::stop_source stop_;
  std::stop_source failed_;
};

TEST_F(SupervisorTest, StartsInOrderAndStopsInTheOther) {
  Supervisor supervisor(options_);
  const absl::Status ran = RunBeside(supervisor, [&] {
    supervisor.Want(Part::kServer);
    const auto port = supervisor.WaitForServer(stop_.get_token());
    ASSERT_TRUE(port.ok());
    EXPECT_EQ(*port, 4242);
    for (const Part part : {Part::kVerifier, Part::kWorker}) {
      WaitUntil([&] { return !Events().empty(); });
      const size_t before = Events().size();
      supervisor.Want(part);
      WaitUntil([&] { return Events().size() > before; });
    }
  });
  EXPECT_TRUE(ran.ok()) << ran;
  EXPECT_THAT(Events(),
              ElementsAre("server up", "verifier up", "worker up",
                          "worker down", "verifier down", "server down"));
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_FALSE(failed_.stop_requested());
}

TEST_F(SupervisorTest, AStopStopsAll) {
  Supervisor supervisor(options_);
  const absl::Status ran = RunBeside(supervisor, [&] {
    supervisor.Want(Part::kServer);
    WaitUntil([&] { return Events().size() == 1; });
    stop_.request_stop();
  });
  EXPECT_TRUE(ran.ok()) << ran;
  EXPECT_THAT(Events(), ElementsAre("server up", "server down"));
}

TEST_F(SupervisorTest, AStopBeforeTheServerAnswersIsNoFailure) {
  SetProgram(Part::kServer, Run("server"));  // which never says its port
  Supervisor supervisor(options_);
  const absl::Status ran = RunBeside(supervisor, [&] {
    supervisor.Want(Part::kServer);
    WaitUntil([&] { return Events().size() == 1; });
    stop_.request_stop();
    EXPECT_TRUE(absl::IsCancelled(
        supervisor.WaitForServer(stop_.get_token()).status()));
  });
  EXPECT_TRUE(ran.ok()) << ran;
}

// What an earlier call of the command left is no answer.
TEST_F(SupervisorTest, AnOldPortIsNotTaken) {
  std::ofstream(options_.folder.PortPath()) << "99\n";
  Supervisor supervisor(options_);
  const absl::Status ran = RunBeside(supervisor, [&] {
    supervisor.Want(Part::kServer);
    EXPECT_EQ(supervisor.WaitForServer(stop_.get_token()).value_or(0), 4242);
  });
  EXPECT_TRUE(ran.ok()) << ran;
}

TEST_F(SupervisorTest, StartsTheServerAgainOnItsPort) {
  // The second time it is told a port, and lives.
  SetProgram(Part::kServer,
             absl::StrCat("told=$4\n", kAnswers, "[ \"$told\" = ",
                          "127.0.0.1:4242 ] || { sleep 0.5; exit 1; }\n",
                          Run("server")));
  Supervisor supervisor(options_);
  const absl::Status ran = RunBeside(supervisor, [&] {
    supervisor.Want(Part::kServer);
    EXPECT_EQ(supervisor.WaitForServer(stop_.get_token()).value_or(0), 4242);
    WaitUntil([&] { return Events().size() == 1; });
  });
  EXPECT_TRUE(ran.ok()) << ran;
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("archpool-server ended (exit code "
                                            "1); it is started again")));
}

TEST_F(SupervisorTest, AFailureCallsTheOthersOffAndShowsTheLog) {
  SetProgram(Part::kWorker, "echo no such instruction >&2; exit 3\n");
  Supervisor supervisor(options_);
  const absl::Status ran = RunBeside(supervisor, [&] {
    supervisor.Want(Part::kServer);
    ASSERT_TRUE(supervisor.WaitForServer(stop_.get_token()).ok());
    WaitUntil([&] { return Events().size() == 1; });
    supervisor.Want(Part::kWorker);
    WaitUntil([&] { return failed_.stop_requested(); });
  });
  EXPECT_EQ(GetReason(ran), "PROGRAM_ENDED");
  EXPECT_THAT(ran.message(), HasSubstr("archpool-worker ended"));
  EXPECT_THAT(ran.message(), HasSubstr("no such instruction"));
  EXPECT_THAT(ran.message(), HasSubstr(options_.folder.LogPath("worker")));
  EXPECT_THAT(Events(), ElementsAre("server up", "server down"));
}

TEST_F(SupervisorTest, WhatCannotBeStartedSaysWhy) {
  options_.folder.root = "/nowhere";  // no logs
  Supervisor supervisor(options_);
  supervisor.Want(Part::kServer);
  const absl::Status ran = supervisor.Run(stop_.get_token(), failed_);
  EXPECT_EQ(GetReason(ran), "PROGRAM_ENDED");
  EXPECT_THAT(ran.message(), HasSubstr("/nowhere/logs/server.log"));
  EXPECT_THAT(ran.message(), HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace archpool::search
