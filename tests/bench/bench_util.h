// SPDX-License-Identifier: Apache-2.0
// What benchmarks share: a clock, and an end where something failed.
#ifndef ARCHPOOL_TESTS_BENCH_BENCH_UTIL_H_
#define ARCHPOOL_TESTS_BENCH_BENCH_UTIL_H_

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "absl/status/status.h"

namespace archpool {

inline void AbortUnlessOk(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

inline double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_BENCH_BENCH_UTIL_H_
