// SPDX-License-Identifier: Apache-2.0
#include "verifier/sandbox.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// Memory, threads, time, and the handles that are open already.
constexpr int kAllowed[] = {SCMP_SYS(read),
                            SCMP_SYS(write),
                            SCMP_SYS(readv),
                            SCMP_SYS(writev),
                            SCMP_SYS(close),
                            SCMP_SYS(fstat),
                            SCMP_SYS(poll),
                            SCMP_SYS(munmap),
                            SCMP_SYS(mremap),
                            SCMP_SYS(mprotect),
                            SCMP_SYS(madvise),
                            SCMP_SYS(brk),
                            SCMP_SYS(futex),
                            SCMP_SYS(clock_gettime),
                            SCMP_SYS(clock_nanosleep),
                            SCMP_SYS(nanosleep),
                            SCMP_SYS(gettimeofday),
                            SCMP_SYS(getpid),
                            SCMP_SYS(gettid),
                            SCMP_SYS(getcpu),
                            SCMP_SYS(getrandom),
                            SCMP_SYS(sched_yield),
                            SCMP_SYS(sched_getaffinity),
                            SCMP_SYS(rt_sigaction),
                            SCMP_SYS(rt_sigprocmask),
                            SCMP_SYS(rt_sigreturn),
                            SCMP_SYS(sigaltstack),
                            SCMP_SYS(set_robust_list),
                            SCMP_SYS(rseq),
                            SCMP_SYS(restart_syscall),
                            SCMP_SYS(setitimer),
                            SCMP_SYS(sysinfo),
                            SCMP_SYS(uname),
                            SCMP_SYS(exit),
                            SCMP_SYS(exit_group)};

absl::Status Failed(const char* what, int error) {
  return Internal("SANDBOX_FAILED",
                  absl::StrCat(what, ": ", std::strerror(error),
                               "; this kernel cannot keep an examination from "
                               "files and network"));
}

// What is allowed where its arguments reach nobody else.
int AllowOwn(scmp_filter_ctx filter) {
  // Shared memory and growing stacks are not counted by RLIMIT_DATA.
  const int error = seccomp_rule_add(
      filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
      SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_TYPE | MAP_GROWSDOWN, MAP_PRIVATE));
  if (error != 0) return error;
  // abort() needs it.
  return seccomp_rule_add(
      filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
      SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid())));
}

}  // namespace

int64_t DataBytes() {
  std::ifstream status("/proc/self/status");
  constexpr absl::string_view kLine = "VmData:";
  for (std::string line; std::getline(status, line);) {
    if (!absl::StartsWith(line, kLine)) continue;
    int64_t kib = 0;
    const absl::string_view number = absl::StripAsciiWhitespace(
        absl::StripSuffix(absl::string_view(line).substr(kLine.size()), "kB"));
    return absl::SimpleAtoi(number, &kib) ? kib << 10 : -1;
  }
  return -1;
}

absl::Status EnterSandbox(int64_t memory_bytes_max) {
  const rlimit memory{static_cast<rlim_t>(memory_bytes_max),
                      static_cast<rlim_t>(memory_bytes_max)};
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_DATA, &memory) != 0 ||
      setrlimit(RLIMIT_CORE, &none) != 0) {
    return Failed("setrlimit", errno);
  }
  const std::unique_ptr<void, void (*)(void*)> filter(
      seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
  if (filter == nullptr) return Failed("seccomp_init", ENOMEM);
  int error = 0;
  for (const int call : kAllowed) {
    error = error != 0
                ? error
                : seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
  }
  if (error == 0) {
    // The threads that libraries started before are of this process, too.
    error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  }
  if (error == 0) error = AllowOwn(filter.get());
  // Threads, but no processes. clone3 hides its flags: glibc asks again with
  // clone where it is said to be missing.
  if (error == 0) {
    error = seccomp_rule_add(
        filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  }
  if (error == 0) {
    error = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS),
                             SCMP_SYS(clone3), 0);
  }
  if (error == 0) error = seccomp_load(filter.get());
  return error == 0 ? absl::OkStatus() : Failed("seccomp", -error);
}

}  // namespace archpool
