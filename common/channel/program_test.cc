// SPDX-License-Identifier: Apache-2.0
#include "common/channel/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

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

}  // namespace
}  // namespace archpool
