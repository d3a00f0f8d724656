// SPDX-License-Identifier: Apache-2.0
// archpool-verifier: checks committed trials for the pool.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/sanitized.h"
#include "common/base/status.h"
#include "common/kernels/machine_choice.h"
#include "common/model/arithmetic.h"
#include "verifier/built_in_trial.h"
#include "verifier/examiner_process.h"
#include "verifier/kernel_evaluator.h"
#include "verifier/make_second_opinion.h"
#include "verifier/run_verifier.h"

namespace archpool {
namespace {

absl::StatusOr<std::unique_ptr<Evaluator>> MakeKernelEvaluator(
    const std::string& simd, int threads) {
  ARCHPOOL_ASSIGN_OR_RETURN(const kernels::Machine machine,
                            kernels::ChooseMachine(simd, threads));
  auto evaluator =
      std::make_unique<KernelEvaluator>(machine, MakeSecondOpinion(threads));
  ARCHPOOL_RETURN_IF_ERROR(WarmUp(*evaluator));
  return evaluator;
}

absl::StatusOr<std::unique_ptr<Examiner>> MakeExaminer(
    const VerifierFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(const kernels::Machine machine,
                            kernels::ChooseMachine(flags.simd, flags.threads));
  ARCHPOOL_RETURN_IF_ERROR(CheckArithmetic(machine));
  SayWhoseOpinionIsSecond();
  if (kIsSanitized) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        std::unique_ptr<Evaluator> evaluator,
        MakeKernelEvaluator(flags.simd, static_cast<int>(flags.threads)));
    return std::make_unique<LocalExaminer>(std::move(evaluator));
  }
  ChildOptions options;
  options.arithmetics = {std::string(kArithmetic)};
  options.arguments = {absl::StrCat(flags.threads),
                       kernels::ToString(machine.simd)};
  options.memory_bytes_max = flags.memory_mib << 20;
  return std::make_unique<ExaminerProcess>(std::move(options));
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  // MakeExaminer's arguments.
  if (argc == 4 && std::strcmp(argv[1], archpool::kExaminerArgument) == 0) {
    return archpool::RunExaminerChild([argv] {
      return archpool::MakeKernelEvaluator(argv[3], std::atoi(argv[2]));
    });
  }
  archpool::VerifierProgram program;
  program.name = "archpool-verifier";
  program.description =
      "Verifies what miners report: replays drawn segments of their trainings "
      "bit for bit,\nand measures the weights on splits that miners never see.";
  program.make_examiner = archpool::MakeExaminer;
  return archpool::RunVerifier(argc, argv, program);
}
