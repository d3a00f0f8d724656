// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/nk_landscape.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace archpool::testing {
namespace {

// SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014).
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

NkLandscape::NkLandscape(int dimensions, int choices, int k, uint64_t seed)
    : k_(k), seed_(Mix(seed)) {
  ARCHPOOL_CHECK(0 <= k && k < dimensions);
  std::vector<Dimension> all;
  for (int d = 0; d < dimensions; ++d) {
    Dimension& dimension = all.emplace_back();
    dimension.name = absl::StrCat("gene", d);
    for (int64_t c = 0; c < choices; ++c) dimension.choices.emplace_back(c);
  }
  auto space = SearchSpace::CreatePlain(std::move(all));
  ARCHPOOL_CHECK(space.ok());
  space_ = *std::move(space);
}

double NkLandscape::FitnessOf(const Architecture& architecture) const {
  const size_t n = architecture.choices.size();
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    uint64_t state = Mix(seed_ + i);
    for (size_t j = 0; j <= static_cast<size_t>(k_); ++j) {
      state = Mix(state + architecture.choices[(i + j) % n]);
    }
    sum += (static_cast<double>(state >> 11) + 0.5) * 0x1p-53;
  }
  return sum / static_cast<double>(n);
}

}  // namespace archpool::testing
