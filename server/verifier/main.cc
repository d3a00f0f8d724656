// archpool-verifier: checks committed trials for the pool.
#include <memory>

#include "common/nn/trial.h"
#include "server/verifier/nn_evaluator.h"
#include "server/verifier/run_verifier.h"

int main(int argc, char** argv) {
  archpool::VerifierProgram program;
  program.name = "archpool-verifier";
  program.description =
      "Checks what miners report: loads the weights they sent and measures "
      "them on splits that miners never see.";
  program.make_evaluator = [](const archpool::VerifierFlags& flags) {
    archpool::nn::ConfigureRuntime(static_cast<int>(flags.threads));
    return std::make_unique<archpool::NnEvaluator>();
  };
  return archpool::RunVerifier(argc, argv, program);
}
