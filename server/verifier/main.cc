// archpool-verifier: checks committed trials for the pool.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/nn/arithmetic.h"
#include "common/nn/trial.h"
#include "server/verifier/examiner_process.h"
#include "server/verifier/nn_evaluator.h"
#include "server/verifier/run_verifier.h"

namespace archpool {
namespace {

// A child computes with as many threads as its environment says.
int RunChild() {
  const char* count = std::getenv("OMP_NUM_THREADS");
  const int threads = count == nullptr ? 1 : std::max(1, std::atoi(count));
  return RunExaminerChild([threads] {
    nn::ConfigureRuntime(threads);
    return std::make_unique<NnEvaluator>(threads);
  });
}

// Every class that this machine can compute in.
std::vector<ChildOptions::Class> Classes(int64_t threads_max) {
  std::vector<ChildOptions::Class> classes;
  for (const std::string& set : nn::InstructionSets()) {
    for (int64_t threads = 1; threads <= std::min<int64_t>(threads_max, 16);
         ++threads) {
      classes.push_back({absl::StrCat(nn::BuildName(), "/", set, "/", threads),
                         nn::ArithmeticEnvironment(set, threads)});
    }
  }
  return classes;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], archpool::kExaminerArgument) == 0) {
    return archpool::RunChild();
  }
  archpool::VerifierProgram program;
  program.name = "archpool-verifier";
  program.description =
      "Checks what miners report: replays what the pool drew of their "
      "trainings, "
      "bit for bit, and measures the weights on splits that miners never see.";
  program.make_examiner = [](const archpool::VerifierFlags& flags) {
    archpool::ChildOptions options;
    options.classes = archpool::Classes(flags.threads);
    options.memory_bytes_max = flags.memory_mib << 20;
    return std::make_unique<archpool::ExaminerProcess>(std::move(options));
  };
  return archpool::RunVerifier(argc, argv, program);
}
