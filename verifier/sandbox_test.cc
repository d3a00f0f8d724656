// SPDX-License-Identifier: Apache-2.0
// Not under sanitizers, which need memory and system calls of their own.
#include "verifier/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
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

// Code of a hostile trial's, had it taken over the process.
TEST(SandboxTest, SignalsNobodyElse) {
  const pid_t parent = getpid();
  EXPECT_EQ(InSandbox([parent] {
              const bool kills =
                  kill(parent, 0) == 0 || kill(0, 0) == 0 || kill(-1, 0) == 0;
              const bool tgkills = syscall(SYS_tgkill, parent, parent, 0) == 0;
              const bool tkills = syscall(SYS_tkill, parent, 0) == 0;
              return kills || tgkills || tkills ? 1 : 0;
            }),
            0);
  EXPECT_EQ(InSandbox([]() -> int { abort(); }), -SIGABRT);
}

TEST(SandboxTest, TakesNoMemoryThatIsNotCounted) {
  const auto maps = [](int flags) {
    void* got = mmap(nullptr, size_t{256} << 20, PROT_READ | PROT_WRITE,
                     MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    return got != MAP_FAILED;
  };
  EXPECT_EQ(InSandbox([&] { return maps(MAP_SHARED) ? 1 : 0; }), 0);
  EXPECT_EQ(InSandbox([&] { return maps(MAP_SHARED_VALIDATE) ? 1 : 0; }), 0);
  EXPECT_EQ(
      InSandbox([&] { return maps(MAP_PRIVATE | MAP_GROWSDOWN) ? 1 : 0; }), 0);
  EXPECT_EQ(InSandbox([&] { return maps(MAP_PRIVATE) ? 1 : 0; }), 0);
}

// A library's, started before the door closed.
TEST(SandboxTest, HoldsForThreadsThatWereThereBefore) {
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<bool> is_closed = false;
    std::atomic<int> answer = -1;
    std::thread earlier([&] {
      while (!is_closed) sched_yield();
      answer = open("/etc/passwd", O_RDONLY) < 0 && errno == EPERM ? 0 : 1;
    });
    if (!EnterSandbox(int64_t{64} << 20).ok()) _exit(99);
    is_closed = true;
    while (answer < 0) sched_yield();
    _exit(answer);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

// Nor traces, mounts, forks by another name, keeps what it was handed, or
// raises its own bounds.
TEST(SandboxTest, ClosesTheOtherDoors) {
  const std::vector<long> calls = {SYS_ptrace,          SYS_process_vm_readv,
                                   SYS_memfd_create,    SYS_prlimit64,
                                   SYS_setrlimit,       SYS_prctl,
                                   SYS_execveat,        SYS_openat,
                                   SYS_socketpair,      SYS_shmget,
                                   SYS_ioctl,           SYS_unshare,
                                   SYS_setns,           SYS_pidfd_open,
                                   SYS_io_uring_setup,  SYS_bpf,
                                   SYS_perf_event_open, SYS_userfaultfd,
                                   SYS_sendmsg};
  for (const long call : calls) {
    EXPECT_EQ(InSandbox([call] {
                errno = 0;
                const long result = syscall(call, 0, 0, 0, 0, 0, 0);
                return result < 0 && errno == EPERM ? 0 : 1;
              }),
              0)
        << call;
  }
}

TEST(SandboxTest, KnowsHowMuchDataThereIs) {
  const int64_t before = DataBytes();
  ASSERT_GT(before, 0);
  const std::vector<char> more(size_t{64} << 20, 'x');
  EXPECT_GE(DataBytes(), before + (int64_t{64} << 20) - (1 << 20));
}

}  // namespace
}  // namespace archpool
