// SPDX-License-Identifier: Apache-2.0
#include "client/weights_difference.h"

#include <bit>
#include <cstddef>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/check.h"

namespace archpool {
namespace {

bool IsSame(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

// The difference of one tensor; 0 values: there is none.
WeightsDifference DifferenceIn(const std::string& name,
                               const std::vector<float>& first,
                               const std::vector<float>& second) {
  ARCHPOOL_CHECK(first.size() == second.size());
  WeightsDifference found{.tensor = name, .of = std::ssize(first)};
  for (size_t i = 0; i < first.size(); ++i) {
    if (IsSame(first[i], second[i])) continue;
    if (found.values++ > 0) continue;
    found.index = static_cast<int64_t>(i);
    found.first = first[i];
    found.second = second[i];
  }
  return found;
}

}  // namespace

std::string WeightsDifference::Describe(const std::string& first_name,
                                        const std::string& second_name) const {
  // Enough digits to tell any two of them apart.
  constexpr int kDigits = std::numeric_limits<float>::max_digits10;
  return absl::StrFormat(
      "%s: %d of %d values differ, and the first, [%d], is %.*g in %s and "
      "%.*g in %s",
      tensor, values, of, index, kDigits, first, first_name, kDigits, second,
      second_name);
}

std::optional<WeightsDifference> FindDifference(const LayerPlan& plan,
                                                const TensorMap& first,
                                                const TensorMap& second) {
  std::optional<WeightsDifference> found;
  int64_t tensors = 0;
  // The map's own order has layer 10 before layer 2.
  for (size_t layer = 0; layer < plan.layers.size(); ++layer) {
    const std::string prefix = absl::StrCat("layers.", layer, ".");
    for (auto at = first.lower_bound(prefix);
         at != first.end() && absl::StartsWith(at->first, prefix); ++at) {
      const auto other = second.find(at->first);
      ARCHPOOL_CHECK(other != second.end());
      WeightsDifference one =
          DifferenceIn(at->first, at->second.values, other->second.values);
      if (one.values == 0) continue;
      ++tensors;
      if (!found) found = std::move(one);
    }
  }
  if (found) found->tensors = tensors;
  return found;
}

}  // namespace archpool
