// SPDX-License-Identifier: Apache-2.0
// archpool: the command for clients, miners and operators.
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "client/cli.h"
#include "common/base/signals.h"
#include "common/base/standard_streams.h"
#include "common/channel/grpc_log.h"

namespace archpool {
namespace {

constexpr size_t kWidthMin = 60;
constexpr size_t kWidthMax = 120;

// A dumb terminal can neither be colored nor drawn over.
bool IsLive(int descriptor) {
  const char* term = std::getenv("TERM");
  return isatty(descriptor) == 1 && term != nullptr &&
         std::strcmp(term, "dumb") != 0;
}

Terminal DescribeTerminal() {
  Terminal terminal;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = std::clamp<size_t>(size.ws_col, kWidthMin, kWidthMax);
  }
  const char* no_color = std::getenv("NO_COLOR");
  terminal.has_color =
      IsLive(STDOUT_FILENO) && (no_color == nullptr || *no_color == '\0');
  terminal.has_unicode = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  return terminal;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  archpool::ReserveStandardStreams();
  std::setlocale(LC_CTYPE, "");
  // It is heard where somebody asks for it.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) {
    gpr_set_log_function(archpool::IgnoreGrpc);
  }
  const archpool::SignalStop signals;
  const archpool::Output output{
      std::cout, std::cerr, archpool::DescribeTerminal(),
      archpool::IsLive(STDOUT_FILENO), archpool::IsLive(STDERR_FILENO)};
  return archpool::RunCli({argv + 1, argv + argc}, output, signals.token());
}
