// archpool-verifier: checks committed trials for the pool.
#include <memory>

#include "common/nn/arithmetic.h"
#include "common/nn/trial.h"
#include "server/verifier/nn_evaluator.h"
#include "server/verifier/run_verifier.h"

int main(int argc, char** argv) {
  archpool::VerifierProgram program;
  program.name = "archpool-verifier";
  program.description =
      "Checks what miners report: replays what the pool drew of their "
      "trainings, "
      "bit for bit, and measures the weights on splits that miners never see.";
  program.make_evaluator = [argv](const archpool::VerifierFlags& flags) {
    archpool::nn::PinArithmetic("", flags.threads, argv);
    archpool::nn::ConfigureRuntime(static_cast<int>(flags.threads));
    return std::make_unique<archpool::NnEvaluator>(flags.threads);
  };
  return archpool::RunVerifier(argc, argv, program);
}
