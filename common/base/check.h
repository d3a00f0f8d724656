// SPDX-License-Identifier: Apache-2.0
// ARCHPOOL_CHECK: for our own bugs only, on in release. Never for input.
#ifndef ARCHPOOL_COMMON_BASE_CHECK_H_
#define ARCHPOOL_COMMON_BASE_CHECK_H_

namespace archpool {

// Prints `file:line: check failed: condition` to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line,
                              const char* condition);

}  // namespace archpool

#define ARCHPOOL_CHECK(condition)                              \
  do {                                                         \
    if (!(condition)) [[unlikely]] {                           \
      ::archpool::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                          \
  } while (false)

#endif  // ARCHPOOL_COMMON_BASE_CHECK_H_
