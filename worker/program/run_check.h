// SPDX-License-Identifier: Apache-2.0
// `archpool-worker check`: what this machine can do for a pool.
#ifndef ARCHPOOL_WORKER_PROGRAM_RUN_CHECK_H_
#define ARCHPOOL_WORKER_PROGRAM_RUN_CHECK_H_

namespace archpool {

// `argv[0]` is the program's name and "check". Prints to stdout and ends within
// ten seconds. Exit codes: 0 it can work, 1 it computes wrongly, 2 bad flags, 3
// it is too slow to be of use.
int RunCheck(int argc, char** argv);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_PROGRAM_RUN_CHECK_H_
