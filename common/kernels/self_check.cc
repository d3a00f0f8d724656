#include "common/kernels/self_check.h"

#include <cstddef>

#include "common/base/check.h"
#include "common/kernels/inner/test_vectors.h"

namespace archpool::kernels {
namespace {

// In the order of ComputeLayerVectors; docs/arithmetic.md has them as well.
constexpr const char* kExpected[] = {
    "50bc1ca7ebe9714f", "83788824720c5731", "a76fcb539f32e7c3",
    "9cc15cf0e20f3c2a", "84e5f1b6239b0489", "a34cf43bffd881f0",
    "92339530576bf79e", "f8b0cee936b129a0", "4b315fdd919d3dc4",
    "0a94c94830de123c", "0442cc79ab8ee37d", "da5f33e0660572ac",
    "d502fcddfd85122b", "8536d1111345ec5b",
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
