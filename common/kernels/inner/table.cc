// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/table.h"

#include <cstddef>

// Each file of kernels adds its own, once for each set of instructions.
#define ARCHPOOL_DECLARE_KERNELS(instructions) \
  namespace archpool::kernels::instructions {  \
  void AddDense(KernelTable& table);           \
  void AddDenseSums(KernelTable& table);       \
  void AddDepthwise(KernelTable& table);       \
  void AddLoss(KernelTable& table);            \
  void AddNorm(KernelTable& table);            \
  void AddPeak(KernelTable& table);            \
  void AddPointwise(KernelTable& table);       \
  void AddPool(KernelTable& table);            \
  inline KernelTable MakeTable(int lanes) {    \
    KernelTable table;                         \
    table.lanes = lanes;                       \
    AddDense(table);                           \
    AddDenseSums(table);                       \
    AddDepthwise(table);                       \
    AddLoss(table);                            \
    AddNorm(table);                            \
    AddPeak(table);                            \
    AddPointwise(table);                       \
    AddPool(table);                            \
    return table;                              \
  }                                            \
  }                                            \
  static_assert(true)  // takes the semicolon

ARCHPOOL_DECLARE_KERNELS(scalar);
#if defined(__x86_64__)
ARCHPOOL_DECLARE_KERNELS(N_AVX2);
ARCHPOOL_DECLARE_KERNELS(N_AVX3);
#elif defined(__aarch64__)
ARCHPOOL_DECLARE_KERNELS(N_NEON);
#endif

namespace archpool::kernels {
namespace {

std::vector<Simd> FindSimds() {
  std::vector<Simd> found;
#if defined(__x86_64__)
  // Says nothing of what the operating system does not save.
  __builtin_cpu_init();
  const bool has_avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_avx2 && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    found.push_back(Simd::kAvx512);
  }
  if (has_avx2) found.push_back(Simd::kAvx2);
#elif defined(__aarch64__)
  found.push_back(Simd::kNeon);
#endif
  found.push_back(Simd::kScalar);
  return found;
}

}  // namespace

std::optional<Simd> ParseSimd(const std::string& word) {
  for (size_t i = 0; i < kCountOf<Simd>; ++i) {
    if (word == kWordsOf<Simd>[i]) return static_cast<Simd>(i);
  }
  return std::nullopt;
}

const std::vector<Simd>& SimdsHere() {
  static const std::vector<Simd> found = FindSimds();
  return found;
}

const KernelTable& TableOf(Simd simd) {
  switch (simd) {
#if defined(__x86_64__)
    case Simd::kAvx2: {
      static const KernelTable table = N_AVX2::MakeTable(8);
      return table;
    }
    case Simd::kAvx512: {
      static const KernelTable table = N_AVX3::MakeTable(16);
      return table;
    }
#elif defined(__aarch64__)
    case Simd::kNeon: {
      static const KernelTable table = N_NEON::MakeTable(4);
      return table;
    }
#endif
    default: {
      static const KernelTable table = scalar::MakeTable(1);
      return table;
    }
  }
}

}  // namespace archpool::kernels
