// archpool-adversary-inflate: trains honestly and overstates what it reached,
// as a cheating miner would. For the demo and for tests: the pool must find
// out.
#include <CLI/CLI.hpp>
#include <memory>

#include "common/nn/arithmetic.h"
#include "common/nn/trial.h"
#include "tests/support/inflating_trainer.h"
#include "worker/agent/run_worker.h"
#include "worker/train/nn_trainer.h"

int main(int argc, char** argv) {
  double delta = 0.05;
  archpool::WorkerProgram program;
  program.name = "archpool-adversary-inflate";
  program.description =
      "A worker that overstates its accuracies, to show that the pool finds "
      "out. Never point it at a pool that is not yours.";
  program.add_flags = [&delta](CLI::App& app) {
    app.add_option("--inflate", delta,
                   "Part of the validation split to add to each claim")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
  };
  program.make_trainer = [&delta, argv](const archpool::WorkerFlags& flags) {
    archpool::nn::PinArithmetic(flags.instruction_set, flags.threads, argv);
    archpool::nn::ConfigureRuntime(static_cast<int>(flags.threads));
    return std::make_unique<archpool::testing::InflatingTrainer>(
        std::make_unique<archpool::NnTrainer>(), delta);
  };
  return archpool::RunWorker(argc, argv, program);
}
