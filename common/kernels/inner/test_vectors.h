// SPDX-License-Identifier: Apache-2.0
// Small seeded computations whose digests everybody reaches who computes by
// docs/arithmetic.md, where they are described ("Test vectors"). Pure;
// thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_TEST_VECTORS_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_TEST_VECTORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/kernels/simd.h"
#include "common/nas/layer.h"

namespace archpool::kernels {

struct VectorDigest {
  std::string name;
  std::string digest;  // 16 hex digits
};

// Every kind of layer, forward and backward, the loss, and steps of trainings.
std::vector<VectorDigest> ComputeLayerVectors(const Machine& machine);

// What the digests are of, for other implementations to compute.
struct VectorNetwork {
  std::string name;
  uint64_t key = 0;
  TensorShape input;
  std::vector<Layer> layers;
  int64_t batch = 0;
  int steps = 0;
};
std::vector<VectorNetwork> VectorNetworks();

// The same over layers drawn at random: one digest of all that `count` of them
// come to. For comparing processors that cannot run in one process.
std::string DigestOfRandomLayers(uint64_t seed, int count,
                                 const Machine& machine);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_TEST_VECTORS_H_
