// archpool-fake-verifier: understands the weights of archpool-fake-worker, and
// finds all others unusable. For tests.
#include <memory>

#include "server/verifier/run_verifier.h"
#include "tests/support/fake_network.h"

int main(int argc, char** argv) {
  archpool::VerifierProgram program;
  program.name = "archpool-fake-verifier";
  program.description =
      "A verifier that understands fake workers alone. For tests.";
  program.make_evaluator = [](const archpool::VerifierFlags&) {
    return std::make_unique<archpool::testing::FakeEvaluator>();
  };
  return archpool::RunVerifier(argc, argv, program);
}
