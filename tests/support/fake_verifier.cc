// SPDX-License-Identifier: Apache-2.0
// archpool-fake-verifier: understands the trainings of archpool-fake-worker,
// and finds all others unusable. For tests.
#include <cstring>
#include <memory>

#include "common/base/sanitized.h"
#include "tests/support/fake_network.h"
#include "verifier/examiner_process.h"
#include "verifier/run_verifier.h"

int main(int argc, char** argv) {
  const auto make_evaluator = [] {
    return std::make_unique<archpool::testing::FakeEvaluator>();
  };
  if (argc == 2 && std::strcmp(argv[1], archpool::kExaminerArgument) == 0) {
    return archpool::RunExaminerChild(make_evaluator);
  }
  archpool::VerifierProgram program;
  program.name = "archpool-fake-verifier";
  program.description =
      "A verifier that understands fake workers alone. For tests.";
  program.make_examiner = [&](const archpool::VerifierFlags& flags)
      -> absl::StatusOr<std::unique_ptr<archpool::Examiner>> {
    if (archpool::kIsSanitized) {
      return std::make_unique<archpool::LocalExaminer>(make_evaluator());
    }
    archpool::ChildOptions options;
    options.arithmetics = archpool::testing::FakeClasses();
    options.memory_bytes_max = flags.memory_mib << 20;
    return std::make_unique<archpool::ExaminerProcess>(std::move(options));
  };
  return archpool::RunVerifier(argc, argv, program);
}
