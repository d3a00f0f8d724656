// Not under sanitizers, which need memory and system calls of their own.
#include "server/verifier/sandbox.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace archpool {
namespace {

// What a child in the sandbox answers, as its exit code.
int InSandbox(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (!EnterSandbox(int64_t{64} << 20).ok()) _exit(99);
    _exit(body());
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(SandboxTest, LeavesMemoryThreadsAndOpenHandles) {
  EXPECT_EQ(InSandbox([] {
              int sum = 0;
              std::thread worker([&] {
                const std::vector<int> numbers(1'000, 7);
                for (const int number : numbers) sum += number;
              });
              worker.join();
              return sum == 7'000 ? 0 : 1;
            }),
            0);
}

TEST(SandboxTest, ClosesFilesNetworkAndPrograms) {
  EXPECT_EQ(InSandbox([] {
              return open("/etc/passwd", O_RDONLY) < 0 && errno == EPERM ? 0
                                                                         : 1;
            }),
            0);
  EXPECT_EQ(InSandbox([] {
              return socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM ? 0
                                                                           : 1;
            }),
            0);
  EXPECT_EQ(InSandbox([] { return fork() < 0 && errno == EPERM ? 0 : 1; }), 0);
  EXPECT_EQ(InSandbox([] {
              char path[] = "/bin/true";
              char* const arguments[] = {path, nullptr};
              execv(path, arguments);
              return errno == EPERM ? 0 : 1;
            }),
            0);
}

TEST(SandboxTest, BoundsMemory) {
  EXPECT_EQ(InSandbox([] {
              void* much = malloc(size_t{256} << 20);
              const int answer = much == nullptr ? 0 : 1;
              free(much);
              return answer;
            }),
            0);
}

}  // namespace
}  // namespace archpool
