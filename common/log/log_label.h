// SPDX-License-Identifier: Apache-2.0
// What a program's log puts before the lines of a part of it, where several
// parts do the same at once.
#ifndef ARCHPOOL_COMMON_LOG_LOG_LABEL_H_
#define ARCHPOOL_COMMON_LOG_LOG_LABEL_H_

#include <string>

namespace archpool {

// The calling thread's label ("lane 2: ") for as long as it lives; the one
// before comes back. A thread that it starts begins without: hand Current() on.
class LogLabel {
 public:
  explicit LogLabel(std::string label);
  ~LogLabel();
  LogLabel(const LogLabel&) = delete;
  LogLabel& operator=(const LogLabel&) = delete;

  // "" where there is none.
  static const std::string& Current();

 private:
  std::string before_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_LOG_LOG_LABEL_H_
