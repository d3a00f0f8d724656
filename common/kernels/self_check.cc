// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/self_check.h"

#include <cstddef>

#include "common/base/check.h"
#include "common/kernels/inner/test_vectors.h"

namespace archpool::kernels {
namespace {

// In the order of ComputeLayerVectors; docs/arithmetic.md has them as well.
constexpr const char* kExpected[] = {
    "50bc1ca7ebe9714f", "121862b0940505c3", "c34402bead5ef17b",
    "0c90fbc31ba37e29", "ea6b1bef02a47d1d", "02a66de83926ee1e",
    "b000bec31db07d3b", "90dcff81e8846ee5", "85b67dabf2d35840",
    "76a958b3824b3099", "7ff0cdf361905668", "f399900b8717eb07",
    "7b677e9833b8e746", "64b851247c216943",
};

}  // namespace

std::vector<TestVector> ComputeTestVectors(const Machine& machine) {
  std::vector<TestVector> vectors;
  for (const VectorDigest& one : ComputeLayerVectors(machine)) {
    ARCHPOOL_CHECK(vectors.size() < std::size(kExpected));
    vectors.push_back({.name = one.name,
                       .digest = one.digest,
                       .expected = kExpected[vectors.size()]});
  }
  return vectors;
}

}  // namespace archpool::kernels
