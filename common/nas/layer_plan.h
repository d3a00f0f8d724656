// SPDX-License-Identifier: Apache-2.0
// A LayerPlan is a network spelt out: every layer with its input, its shapes,
// its parameters, multiply-accumulates and cost, in plain C++. The pool alone
// turns an architecture into one; common/nn turns a plan into a network. Value
// types; thread-compatible.
#ifndef ARCHPOOL_COMMON_NAS_LAYER_PLAN_H_
#define ARCHPOOL_COMMON_NAS_LAYER_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"
#include "common/nas/layer.h"
#include "common/nas/pricing.h"
#include "common/nas/search_space.h"

namespace archpool {

struct LayerPlan {
  TensorShape input_shape;
  int64_t classes = 0;
  std::vector<Layer> layers;  // in an order in which they can be computed
  int64_t parameters = 0;
  int64_t macs = 0;
  // Reference-core nanoseconds to train one example once (forward and
  // backward), from a cost table (common/nas/cost_table.h).
  int64_t train_ns_per_example = 0;
  // The same for evaluating it (forward only).
  int64_t evaluate_ns_per_example = 0;

  friend bool operator==(const LayerPlan&, const LayerPlan&) = default;
};

// What a task refuses to train.
struct PlanLimits {
  int64_t parameters_max = 0;  // 0: no limit beyond kPlanParametersMax
  int64_t macs_max = 0;        // 0: no limit beyond kPlanMacsMax
  friend bool operator==(const PlanLimits&, const PlanLimits&) = default;
};
inline constexpr int64_t kPlanParametersMax = 100'000'000;
inline constexpr int64_t kPlanMacsMax = 100'000'000'000;
inline constexpr int64_t kPlanLayersMax = 1'000;
inline constexpr int64_t kPlanActivationsMax = 1'000'000'000;  // per example

// The plan of `architecture` for examples of `input_shape`. REQUIRES:
// IsCostTable(pricing.version).
// INVALID_ARGUMENT: SHAPE_VANISHES (a stride meets a 1-pixel map),
// PLAN_TOO_LARGE (over `limits` or the constants above; nothing overflows),
// CELL_PASSES_NOTHING (a cell's output depends on nothing),
// ARCHITECTURE_MALFORMED (not of this space), INPUT_MALFORMED (a side of the
// input, or the number of classes, is not positive).
absl::StatusOr<LayerPlan> MakeLayerPlan(const SearchSpace& space,
                                        const Architecture& architecture,
                                        const TensorShape& input_shape,
                                        int64_t classes,
                                        const PlanLimits& limits,
                                        const Pricing& pricing = {});

// The architecture's id: the hash of the plan's canonical encoding
// ("archpool/architecture/v1"; docs/search-space.md), so two spellings of one
// network share one id. Parameters, multiply-accumulates and costs follow from
// the rest and are left out: a new cost table renames nothing.
Digest ArchitectureIdOf(const LayerPlan& plan);

// One line per layer, then the totals, for people and golden files. Costs are
// left out: they change with the table.
std::string DescribePlan(const LayerPlan& plan);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_LAYER_PLAN_H_
