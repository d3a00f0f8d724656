// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/self_check.h"

#include <cstddef>

#include "common/base/check.h"
#include "common/kernels/inner/test_vectors.h"

namespace archpool::kernels {
namespace {

// In the order of ComputeLayerVectors; docs/arithmetic.md has them as well.
constexpr const char* kExpected[] = {
    "50bc1ca7ebe9714f", "121862b0940505c3", "a76fcb539f32e7c3",
    "1d6ef731fad1db43", "886ff89bfcccae2a", "f42455737860bd50",
    "fa1c5b671d51edf4", "779051ebbea766db", "6f6147d85ea80bc0",
    "ae84480f8520352d", "edd86a58a6d52ab6", "2bf62a6cea2094f1",
    "ad52144597ab3ab3", "86d08e068807d251",
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
