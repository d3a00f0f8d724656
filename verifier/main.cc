// archpool-verifier: checks committed trials for the pool.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/nn/arithmetic.h"
#include "common/nn/trial.h"
#include "verifier/examiner_process.h"
#include "verifier/nn_evaluator.h"
#include "verifier/run_verifier.h"

namespace archpool {
namespace {

constexpr char kNameClassArgument[] = "--name-hardware-class";
constexpr int64_t kClassThreadsMax = 16;

// A child computes with as many threads as its environment says.
int ConfiguredThreads() {
  const char* count = std::getenv("OMP_NUM_THREADS");
  const int threads = count == nullptr ? 1 : std::max(1, std::atoi(count));
  nn::ConfigureRuntime(threads);
  return threads;
}

int RunChild() {
  return RunExaminerChild([] {
    auto evaluator = std::make_unique<NnEvaluator>(ConfiguredThreads());
    // A training: BLAS keeps the buffers that it takes for it.
    nn::HardwareClass();
    return evaluator;
  });
}

int NameClass() {
  const int threads = ConfiguredThreads();
  std::printf("%s/%d\n", nn::HardwareClass().c_str(), threads);
  return 0;
}

// A child that was asked for its class, as only a process that was loaded in it
// knows.
class Asked {
 public:
  explicit Asked(std::vector<std::pair<std::string, std::string>> environment)
      : environment_(std::move(environment)) {
    std::string command = "exec env";
    for (const auto& [variable, value] : environment_) {
      absl::StrAppend(&command, " ", variable, "=", value);
    }
    absl::StrAppend(&command, " /proc/", getpid(), "/exe ", kNameClassArgument);
    output_ = popen(command.c_str(), "re");
  }

  // The name is empty where the child failed.
  ChildOptions::Class Answer() {
    char line[128] = "";
    if (output_ != nullptr) {
      if (std::fgets(line, sizeof line, output_) == nullptr) line[0] = '\0';
      pclose(output_);
    }
    return {std::string(absl::StripTrailingAsciiWhitespace(line)),
            std::move(environment_)};
  }

 private:
  std::vector<std::pair<std::string, std::string>> environment_;
  std::FILE* output_ = nullptr;
};

// Every class that this machine can compute in.
std::vector<ChildOptions::Class> Classes(int64_t threads_max) {
  std::vector<ChildOptions::Class> classes;
  for (const std::string& set : nn::InstructionSets()) {
    std::vector<Asked> asked;
    for (int64_t threads = 1;
         threads <= std::min(threads_max, kClassThreadsMax); ++threads) {
      asked.emplace_back(nn::ArithmeticEnvironment(set, threads));
    }
    for (Asked& child : asked) {
      ChildOptions::Class answer = child.Answer();
      if (answer.name.empty()) {
        std::fprintf(stderr, "archpool-verifier: cannot compute in %s\n",
                     set.c_str());
        continue;
      }
      classes.push_back(std::move(answer));
    }
  }
  return classes;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], archpool::kNameClassArgument) == 0) {
    return archpool::NameClass();
  }
  if (argc == 2 && std::strcmp(argv[1], archpool::kExaminerArgument) == 0) {
    return archpool::RunChild();
  }
  archpool::VerifierProgram program;
  program.name = "archpool-verifier";
  program.description =
      "Checks what miners report: replays what the pool drew of their "
      "trainings, "
      "bit for bit, and measures the weights on splits that miners never see.";
  program.pin = [argv] { archpool::nn::PinArithmetic("", 1, argv); };
  program.make_examiner = [](const archpool::VerifierFlags& flags) {
    archpool::ChildOptions options;
    options.classes = archpool::Classes(flags.threads);
    options.memory_bytes_max = flags.memory_mib << 20;
    return std::make_unique<archpool::ExaminerProcess>(std::move(options));
  };
  return archpool::RunVerifier(argc, argv, program);
}
