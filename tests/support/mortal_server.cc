// SPDX-License-Identifier: Apache-2.0
// archpool-server as tests of payouts run it: it ends by SIGKILL, as in a power
// cut, at the Nth pass of the step that ARCHPOOL_TEST_KILL_AT names
// ("payout.sent:2"; without a number: the first). The program that operators
// run knows no such variable.
#include <signal.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "server/run_server.h"

namespace archpool {
namespace {

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

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  return archpool::RunServer(argc, argv, {.at = archpool::KillPoint()});
}
