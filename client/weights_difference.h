// SPDX-License-Identifier: Apache-2.0
// Where the weights of two networks of one plan differ, bit by bit. Pure
// functions; thread-safe.
#ifndef ARCHPOOL_CLIENT_WEIGHTS_DIFFERENCE_H_
#define ARCHPOOL_CLIENT_WEIGHTS_DIFFERENCE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"

namespace archpool {

// Value type.
struct WeightsDifference {
  std::string tensor;  // the first one that differs, by layers
  int64_t values = 0;  // of it that differ
  int64_t of = 0;      // all that it has
  int64_t index = 0;   // of the first of them
  float first = 0;     // its value in each
  float second = 0;
  int64_t tensors = 0;  // that differ, in the whole network

  // "layers.3.weight: 2 of 72 values differ, and the first, [5], is 0.25 in
  // FIRST and 0.125 in SECOND".
  std::string Describe(const std::string& first_name,
                       const std::string& second_name) const;

  friend bool operator==(const WeightsDifference&,
                         const WeightsDifference&) = default;
};

// nullopt: they are the same bits. Zeros of two signs differ, and a NaN is
// itself. REQUIRES: CheckShapes(plan, …) takes both.
std::optional<WeightsDifference> FindDifference(const LayerPlan& plan,
                                                const TensorMap& first,
                                                const TensorMap& second);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_WEIGHTS_DIFFERENCE_H_
