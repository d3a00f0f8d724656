// SPDX-License-Identifier: Apache-2.0
// archpool-adversary: a miner that cheats, for the demo and for tests: the pool
// must find out.
#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "common/base/status.h"
#include "tests/support/cheating_trainer.h"
#include "worker/agent/run_worker.h"
#include "worker/program/kernel_worker.h"

int main(int argc, char** argv) {
  archpool::testing::CheatOptions options;
  archpool::WorkerProgram program;
  program.name = "archpool-adversary";
  program.description =
      "A worker that cheats, to show that the pool finds out. Never point it "
      "at a pool that is not yours.";
  program.add_flags = [&options](CLI::App& app) {
    archpool::testing::AddCheatFlags(app, options);
  };
  program.make_trainer = [&options](const archpool::WorkerFlags& flags)
      -> absl::StatusOr<std::unique_ptr<archpool::Trainer>> {
    ARCHPOOL_ASSIGN_OR_RETURN(std::unique_ptr<archpool::Trainer> honest,
                              archpool::MakeKernelTrainer(flags));
    return std::make_unique<archpool::testing::CheatingTrainer>(
        std::move(honest), options);
  };
  return archpool::RunWorker(argc, argv, program);
}
