// SPDX-License-Identifier: Apache-2.0
// How every benchmark says what it measured: one JSON object a line.
#ifndef ARCHPOOL_TESTS_BENCH_JSON_LINE_H_
#define ARCHPOOL_TESTS_BENCH_JSON_LINE_H_

#include <cstdio>
#include <string>

namespace archpool {

// `baseline` is what `value` is compared with, measured in the same run or
// stated by the goal; ratio = value / baseline.
inline void PrintJsonLine(const std::string& name, double value,
                          const std::string& unit, double baseline) {
  std::printf(
      "{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", "
      "\"baseline\": %.6g, \"ratio\": %.4g}\n",
      name.c_str(), value, unit.c_str(), baseline, value / baseline);
  std::fflush(stdout);
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_BENCH_JSON_LINE_H_
