// SPDX-License-Identifier: Apache-2.0
// archpool-worker: trains architectures for a pool, and is paid for it.
#include <cstring>
#include <memory>

#include "worker/agent/run_worker.h"
#include "worker/program/kernel_worker.h"
#include "worker/program/run_check.h"

int main(int argc, char** argv) {
  // A word of its own, since none of the worker's flags mean anything to it.
  if (argc > 1 && std::strcmp(argv[1], "check") == 0) {
    return archpool::RunCheck(argc - 1, argv + 1);
  }
  archpool::WorkerProgram program;
  program.name = "archpool-worker";
  program.description =
      "Trains networks for an archpool pool, for a miner's account.\n"
      "`archpool-worker check` measures this machine in ten seconds.";
  program.make_trainer = archpool::MakeKernelTrainer;
  return archpool::RunWorker(argc, argv, program);
}
