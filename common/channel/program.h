// SPDX-License-Identifier: Apache-2.0
// What the main functions of archpool's programs share: flags, logs, and how
// they end.
#ifndef ARCHPOOL_COMMON_CHANNEL_PROGRAM_H_
#define ARCHPOOL_COMMON_CHANNEL_PROGRAM_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/log/log.h"

namespace CLI {
class App;
}

namespace archpool {

// Exit codes of every program.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitBadInput = 2;
inline constexpr int kExitRefused = 3;
inline constexpr int kExitUnreachable = 4;

// The exit code that `status` calls for.
int ExitCodeOf(const absl::Status& status);

// "PROGRAM: what is wrong (REASON)\n  what to do\n".
std::string DescribeError(absl::string_view program,
                          const absl::Status& status);

// Parses the command line; answers the exit code where the program is to end
// at once (--help, bad flags, help that cannot be written), having said why.
// First thing in main: it reserves the standard streams.
std::optional<int> ParseFlags(CLI::App& app, int argc, char** argv);

// Says on stderr what went wrong, if anything; answers the exit code.
int Finish(absl::string_view program, const absl::Status& status);

// Adds the daemons' flags --log-format and --log-level.
void AddLogFlags(CLI::App& app, LogOptions& options);

// Sets up a daemon's log, for libraries as well. From then on a daemon whose
// log goes into a pipe that nobody reads any more, or whose peer is gone,
// continues: SIGPIPE is ignored. Call once, before other threads.
void SetUpLogging(const LogOptions& options);

// As Finish, in the log.
int FinishLogged(absl::string_view program, const absl::Status& status);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_PROGRAM_H_
