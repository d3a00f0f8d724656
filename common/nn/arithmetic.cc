#include "common/nn/arithmetic.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "common/base/check.h"
#include "common/base/environment.h"
#include "common/base/signals.h"

namespace archpool::nn {
namespace {

// As each library spells it.
struct Spelling {
  const char* name;  // LibTorch's
  const char* onednn;
  const char* openblas;
};

constexpr Spelling kSpellings[] = {{"avx512", "AVX512_CORE", "SkylakeX"},
                                   {"avx2", "AVX2", "Haswell"},
                                   {"default", "SSE41", "Nehalem"}};

}  // namespace

std::vector<std::string> InstructionSets() {
  std::vector<std::string> sets;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq")) {
    sets.emplace_back("avx512");
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    sets.emplace_back("avx2");
  }
#endif
  sets.emplace_back("default");
  return sets;
}

std::vector<std::pair<std::string, std::string>> ArithmeticEnvironment(
    const std::string& instruction_set, int64_t threads) {
  const std::string count = std::to_string(threads);
  for (const Spelling& spelling : kSpellings) {
    if (instruction_set != spelling.name) continue;
    return {{"ATEN_CPU_CAPABILITY", spelling.name},
            {"ONEDNN_MAX_CPU_ISA", spelling.onednn},
            {"OPENBLAS_CORETYPE", spelling.openblas},
            {"OMP_NUM_THREADS", count},
            {"OPENBLAS_NUM_THREADS", count},
            {"MKL_NUM_THREADS", count}};
  }
  ARCHPOOL_CHECK(false);
}

void PinArithmetic(const std::string& instruction_set, int64_t threads,
                   char** argv) {
  const std::string set =
      instruction_set.empty() ? InstructionSets().front() : instruction_set;
  const auto environment = ArithmeticEnvironment(set, threads);
  bool is_pinned = BlockStopSignals();
  for (const std::string& variable : ArithmeticVariables()) {
    if (std::any_of(environment.begin(), environment.end(),
                    [&](const auto& one) { return one.first == variable; })) {
      continue;
    }
    is_pinned = false;
    unsetenv(variable.c_str());
  }
  for (const auto& [variable, wanted] : environment) {
    const char* value = std::getenv(variable.c_str());
    if (value != nullptr && wanted == value) continue;
    is_pinned = false;
    setenv(variable.c_str(), wanted.c_str(), /*overwrite=*/1);
  }
  // Where executing fails, the program goes on, in whatever it was loaded for.
  if (!is_pinned) execv("/proc/self/exe", argv);
}

}  // namespace archpool::nn
