// SPDX-License-Identifier: Apache-2.0
#include "common/nn/runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/version.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/nn/trial.h"

namespace archpool::nn {
namespace {

std::atomic<int> configured_threads{1};

// Activations of a few megabytes come and go at every step. By default glibc
// maps and unmaps each of them, and the kernel clears the same pages again and
// again: half of the time of a training step. One heap that is never trimmed
// keeps them.
void KeepFreedMemory() {
  constexpr int kHeapBytesKept = 1 << 30;
  constexpr int kHeapGrowthBytes = 64 << 20;
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, kHeapBytesKept);
  mallopt(M_TOP_PAD, kHeapGrowthBytes);
}

// OpenBLAS is linked behind libblas.so.3, if at all; other libraries of that
// name have no threads to set.
void SetBlasThreads(int threads) {
  using SetThreads = void (*)(int);
  void* symbol = dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
  if (symbol != nullptr) reinterpret_cast<SetThreads>(symbol)(threads);
}

}  // namespace

void ConfigureRuntime(int threads) {
  ARCHPOOL_CHECK(threads > 0);
  configured_threads = threads;
  static std::once_flag once;
  std::call_once(once, [] {
    KeepFreedMemory();
    at::set_num_interop_threads(1);
  });
  // For child processes: their libraries read these before main.
  const std::string count = absl::StrCat(threads);
  setenv("OMP_NUM_THREADS", count.c_str(), /*overwrite=*/1);
  setenv("OPENBLAS_NUM_THREADS", count.c_str(), /*overwrite=*/1);
  SetBlasThreads(threads);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
#if TORCH_VERSION_MAJOR > 2 || \
    (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
  // Every tensor is written before it is read; filling them first would cost
  // more than the arithmetic.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
#endif
  EnterRuntime();
}

void EnterRuntime() { at::set_num_threads(configured_threads); }

absl::Status StatusOfException() {
  constexpr char kAdvice[] =
      "; lower the batch size or the space's widths, or add memory";
  try {
    throw;
  } catch (const std::bad_alloc& error) {
    return ResourceExhausted(
        "TRAINING_OUT_OF_MEMORY",
        absl::StrCat("memory ran out: ", error.what(), kAdvice));
  } catch (const std::exception& error) {
    const std::string what = error.what();
    if (absl::StrContains(what, "allocate memory") ||
        absl::StrContains(what, "not enough memory")) {
      return ResourceExhausted(
          "TRAINING_OUT_OF_MEMORY",
          absl::StrCat("memory ran out: ", what.substr(0, 200), kAdvice));
    }
    return Internal("TRAINING_FAILED",
                    absl::StrCat("LibTorch refused: ", what.substr(0, 500)));
  }
}

}  // namespace archpool::nn
