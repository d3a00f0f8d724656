// SPDX-License-Identifier: Apache-2.0
// What those share that start another program by fork and execve. Thread-safe.
#ifndef ARCHPOOL_COMMON_BASE_CHILD_H_
#define ARCHPOOL_COMMON_BASE_CHILD_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"

namespace archpool {

// Words as execve takes them, with a nullptr at the end; as long as `words`.
std::vector<char*> ExecPointers(const std::vector<std::string>& words);

// Forks, and calls `become` in the child with the process that it came from. It
// must not return, and must allocate nothing: locks that other threads held
// are never released there. All signals are blocked in it, so that one that was
// meant for this process runs no handler there; ResetSignals ends that. Answers
// the child's id, or -1 and sets errno.
pid_t ForkChild(absl::FunctionRef<void(pid_t parent)> become);

// In a child: signals do what they do in a program that was just started.
void ResetSignals();

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_CHILD_H_
