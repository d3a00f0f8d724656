// archpool-worker: trains architectures for a pool, and is paid for it.
#include <memory>

#include "common/nn/arithmetic.h"
#include "common/nn/trial.h"
#include "worker/agent/run_worker.h"
#include "worker/train/nn_trainer.h"

int main(int argc, char** argv) {
  archpool::WorkerProgram program;
  program.name = "archpool-worker";
  program.description =
      "Trains architectures for an archpool pool, for a miner's account.";
  program.pin = [argv](const archpool::WorkerFlags& flags) {
    archpool::nn::PinArithmetic(flags.instruction_set, flags.threads, argv);
  };
  program.make_trainer = [](const archpool::WorkerFlags& flags) {
    archpool::nn::ConfigureRuntime(static_cast<int>(flags.threads));
    return std::make_unique<archpool::NnTrainer>();
  };
  return archpool::RunWorker(argc, argv, program);
}
