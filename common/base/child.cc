// SPDX-License-Identifier: Apache-2.0
#include "common/base/child.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace archpool {

std::vector<char*> ExecPointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) {
    pointers.push_back(const_cast<char*>(word.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

pid_t ForkChild(absl::FunctionRef<void(pid_t parent)> become) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    become(parent);
    _exit(126);
  }
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return child;
}

void ResetSignals() {
  for (const int handled : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
    signal(handled, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace archpool
