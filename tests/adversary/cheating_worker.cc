// archpool-adversary: a miner that cheats, for the demo and for tests: the pool
// must find out.
#include <CLI/CLI.hpp>
#include <memory>

#include "common/nn/arithmetic.h"
#include "common/nn/trial.h"
#include "tests/support/cheating_trainer.h"
#include "worker/agent/run_worker.h"
#include "worker/train/nn_trainer.h"

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
  program.pin = [argv](const archpool::WorkerFlags& flags) {
    archpool::nn::PinArithmetic(flags.instruction_set, flags.threads, argv);
  };
  program.make_trainer = [&options](const archpool::WorkerFlags& flags) {
    archpool::nn::ConfigureRuntime(static_cast<int>(flags.threads));
    return std::make_unique<archpool::testing::CheatingTrainer>(
        std::make_unique<archpool::NnTrainer>(), options);
  };
  return archpool::RunWorker(argc, argv, program);
}
