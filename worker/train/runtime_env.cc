#include "worker/train/runtime_env.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace archpool {
namespace {

constexpr const char* kThreadVariables[] = {
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"};

}  // namespace

void PinRuntimeThreads(int64_t threads, char** argv) {
  const std::string count = std::to_string(threads);
  bool is_pinned = true;
  for (const char* variable : kThreadVariables) {
    const char* value = std::getenv(variable);
    if (value != nullptr && value == count) continue;
    is_pinned = false;
    setenv(variable, count.c_str(), /*overwrite=*/1);
  }
  // Where executing fails, the program goes on: slower, and no less correct.
  if (!is_pinned) execv("/proc/self/exe", argv);
}

}  // namespace archpool
