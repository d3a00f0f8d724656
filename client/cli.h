// SPDX-License-Identifier: Apache-2.0
// The archpool command, without its main function.
#ifndef ARCHPOOL_CLIENT_CLI_H_
#define ARCHPOOL_CLIENT_CLI_H_

#include <stop_token>
#include <string>
#include <vector>

#include "client/context.h"

namespace archpool {

// Runs the command line `arguments` (without the program's name); answers the
// exit code: 0 done, 1 failed, 2 bad input, 3 refused by the pool, 4 the server
// is unreachable, 130 stopped.
int RunCli(const std::vector<std::string>& arguments, const Output& output,
           const std::stop_token& stop);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_CLI_H_
