// SPDX-License-Identifier: Apache-2.0
#include "common/channel/program.h"

#include <fcntl.h>
#include <grpc/support/log.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

// A script that keeps a program's help must not keep nothing.
TEST(ProgramTest, HelpThatCannotBeWrittenIsAFailure) {
  const pid_t child = fork();
  if (child == 0) {
    const int full = open("/dev/full", O_WRONLY);
    dup2(full, STDOUT_FILENO);
    CLI::App app("Does nothing.", "nothing");
    char name[] = "nothing";
    char help[] = "--help";
    char* arguments[] = {name, help, nullptr};
    _exit(ParseFlags(app, 2, arguments).value_or(99));
  }
  int state = 0;
  ASSERT_EQ(waitpid(child, &state, 0), child);
  ASSERT_TRUE(WIFEXITED(state));
  EXPECT_EQ(WEXITSTATUS(state), kExitFailed);
}

// The options that the arguments set; nullopt: they are refused.
std::optional<LogOptions> Parsed(std::vector<std::string> arguments) {
  LogOptions options;
  CLI::App app("Does nothing.", "nothing");
  AddLogFlags(app, options);
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError&) {
    return std::nullopt;
  }
  return options;
}

TEST(ProgramTest, LogFlagsTakeTheirWordsAlone) {
  const auto plain = Parsed({});
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->format, LogFormat::kText);
  EXPECT_EQ(plain->level, LogLevel::kInfo);
  const auto other = Parsed({"--log-format", "json", "--log-level=warn"});
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(other->format, LogFormat::kJson);
  EXPECT_EQ(other->level, LogLevel::kWarn);
  EXPECT_FALSE(Parsed({"--log-format", "xml"}).has_value());
  EXPECT_FALSE(Parsed({"--log-level", "INFO"}).has_value());
}

// `archpool-worker 2>&1 | head` would end the worker with its second line.
TEST(ProgramTest, ALogThatNobodyReadsEndsNoDaemon) {
  const pid_t child = fork();
  if (child == 0) {
    int ends[2];
    if (pipe(ends) != 0) _exit(98);
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    SetUpLogging({});
    _exit(FinishLogged("archpool-worker", Internal("LOST", "nobody reads it")));
  }
  int state = 0;
  ASSERT_EQ(waitpid(child, &state, 0), child);
  ASSERT_TRUE(WIFEXITED(state)) << "a signal ended it";
  EXPECT_EQ(WEXITSTATUS(state), kExitFailed);
}

// Whoever reads JSON finds the reason of an end in it as well.
TEST(ProgramTest, ADaemonsErrorIsALineOfItsLog) {
  testing::internal::CaptureStderr();
  SetUpLogging({.format = LogFormat::kJson});
  EXPECT_EQ(FinishLogged("archpool-server",
                         InvalidArgument("FLAG_RANGE", "--fee is 2")),
            kExitBadInput);
  EXPECT_EQ(FinishLogged("archpool-server", absl::OkStatus()), kExitDone);
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  gpr_log(GPR_ERROR, "a line\nof two");
  SetUpLogging({});
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2) << lines;
  EXPECT_THAT(lines,
              testing::AllOf(testing::HasSubstr("\"reason\":\"FLAG_RANGE\""),
                             testing::HasSubstr("\"library\":\"grpc\"")));
}

}  // namespace
}  // namespace archpool
