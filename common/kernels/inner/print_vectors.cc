// SPDX-License-Identifier: Apache-2.0
// Prints the digests of the test vectors and of layers drawn at random, one a
// line: the same on every processor. Built for others than this one as well.
//
//   print_vectors SIMD [THREADS [RANDOM_LAYERS]]
#include <cstdio>
#include <cstdlib>

#include "common/kernels/inner/test_vectors.h"

int main(int argc, char** argv) {
  namespace kernels = archpool::kernels;
  const auto simd = kernels::ParseSimd(argc > 1 ? argv[1] : "");
  if (!simd.has_value()) {
    std::fprintf(stderr,
                 "print_vectors scalar|neon|avx2|avx512 [THREADS [LAYERS]]\n");
    return 2;
  }
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  const int layers = argc > 3 ? std::atoi(argv[3]) : 100;
  const kernels::Machine machine{*simd, threads};
  for (const auto& vector : kernels::ComputeLayerVectors(machine)) {
    std::printf("%s %s\n", vector.digest.c_str(), vector.name.c_str());
  }
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    std::printf(
        "%s %d random networks, seed %d\n",
        kernels::DigestOfRandomLayers(seed, layers / 4, machine).c_str(),
        layers / 4, static_cast<int>(seed));
  }
  return 0;
}
