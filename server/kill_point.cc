#include "server/kill_point.h"

#include <signal.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace archpool {

std::function<void(const std::string&)> KillPoint() {
  const char* setting = std::getenv("ARCHPOOL_TEST_KILL_AT");
  if (setting == nullptr) return [](const std::string&) {};
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(setting, absl::MaxSplits(':', 1));
  int64_t passes = 1;
  (void)absl::SimpleAtoi(parts.second, &passes);
  const auto left = std::make_shared<int64_t>(passes);
  return [step = parts.first, left](const std::string& at) {
    if (at == step && --*left == 0) raise(SIGKILL);
  };
}

}  // namespace archpool
