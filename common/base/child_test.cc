// SPDX-License-Identifier: Apache-2.0
#include "common/base/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace archpool {
namespace {

// How a child that becomes that ended: its exit code, or minus its signal.
int Ended(absl::FunctionRef<void(pid_t parent)> become) {
  const pid_t child = ForkChild(become);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(ForkChildTest, TheChildKnowsWhereItCameFrom) {
  EXPECT_EQ(Ended([](pid_t parent) { _exit(parent == getppid() ? 0 : 1); }), 0);
}

TEST(ForkChildTest, AChildThatBecomesNothingEnds) {
  EXPECT_EQ(Ended([](pid_t) {}), 126);
}

TEST(ForkChildTest, SignalsWaitUntilTheyAreReset) {
  EXPECT_EQ(Ended([](pid_t) {
              kill(getpid(), SIGTERM);
              _exit(3);
            }),
            3);
  EXPECT_EQ(Ended([](pid_t) {
              kill(getpid(), SIGTERM);
              ResetSignals();
              _exit(3);
            }),
            -SIGTERM);
}

TEST(ForkChildTest, AHandlerOfTheParentsRunsInNoChild) {
  struct sigaction before = {};
  struct sigaction action = {};
  action.sa_handler = [](int) { _exit(9); };
  sigaction(SIGTERM, &action, &before);
  EXPECT_EQ(Ended([](pid_t) {
              kill(getpid(), SIGTERM);
              ResetSignals();
              _exit(3);
            }),
            -SIGTERM);
  sigaction(SIGTERM, &before, nullptr);
}

TEST(ForkChildTest, LeavesTheParentsSignalsAsTheyWere) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  EXPECT_EQ(Ended([](pid_t) { _exit(0); }), 0);
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int number = 1; number < NSIG; ++number) {
    EXPECT_EQ(sigismember(&after, number), sigismember(&before, number));
  }
}

TEST(ExecPointersTest, EndWithNone) {
  const std::vector<std::string> words = {"a", "", "b c"};
  const std::vector<char*> pointers = ExecPointers(words);
  ASSERT_EQ(pointers.size(), 4u);
  EXPECT_STREQ(pointers[2], "b c");
  EXPECT_EQ(pointers[3], nullptr);
}

}  // namespace
}  // namespace archpool
