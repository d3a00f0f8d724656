// SPDX-License-Identifier: Apache-2.0
// The test vectors of docs/arithmetic.md: small seeded computations whose
// digests everybody who computes rightly reaches. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_SELF_CHECK_H_
#define ARCHPOOL_COMMON_KERNELS_SELF_CHECK_H_

#include <string>
#include <vector>

#include "common/kernels/simd.h"

namespace archpool::kernels {

// One test vector: a layer kind in one direction, or a whole training.
struct TestVector {
  std::string name;      // "conv forward", "training 1"
  std::string digest;    // what this machine came to: 16 hex digits
  std::string expected;  // what the arithmetic says
  bool agrees() const { return digest == expected; }
};

// All of them, in under a second where vectors are there.
std::vector<TestVector> ComputeTestVectors(const Machine& machine);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_SELF_CHECK_H_
