// SPDX-License-Identifier: Apache-2.0
#include "common/base/standard_streams.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(FlushOutputTest, SaysThatADeviceTookNothing) {
  std::ofstream full("/dev/full");
  full << "lost";
  const absl::Status status = FlushOutput(full);
  EXPECT_EQ(GetReason(status), "OUTPUT_LOST");
  EXPECT_NE(std::string(status.message()).find("No space left"),
            std::string::npos)
      << status.message();
  std::ostringstream fine;
  fine << "kept";
  EXPECT_TRUE(FlushOutput(fine).ok());
}

// What opens next in a process without stdout would be written to by every
// printf.
TEST(ReserveStandardStreamsTest, NothingElseGetsTheNumberOfAClosedStream) {
  const pid_t child = fork();
  if (child == 0) {
    close(STDOUT_FILENO);
    ReserveStandardStreams();
    const int opened = open("/dev/null", O_RDWR);
    const bool is_reserved = opened > STDERR_FILENO;
    const bool is_unwritable = write(STDOUT_FILENO, "x", 1) < 0;
    _exit(is_reserved && is_unwritable ? 0 : 1);
  }
  int state = 0;
  ASSERT_EQ(waitpid(child, &state, 0), child);
  EXPECT_TRUE(WIFEXITED(state) && WEXITSTATUS(state) == 0);
}

}  // namespace
}  // namespace archpool
