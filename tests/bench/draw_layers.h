// SPDX-License-Identifier: Apache-2.0
// The layers of networks drawn from task files' spaces, for programs that
// measure layer by layer. Header-only.
#ifndef ARCHPOOL_TESTS_BENCH_DRAW_LAYERS_H_
#define ARCHPOOL_TESTS_BENCH_DRAW_LAYERS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/task_file.h"
#include "common/base/status.h"
#include "common/nas/layer_plan.h"
#include "tests/bench/drawn_plans.h"

namespace archpool {

inline std::string NameOf(const Layer& layer) {
  const std::string shape = absl::StrCat(
      layer.input_shape.height, "x", layer.input_shape.width, "x",
      layer.input_shape.channels, "->", layer.output_shape.channels);
  const std::string window = absl::StrCat(
      layer.kernel, "x", layer.kernel,
      layer.stride > 1 ? absl::StrCat("/", layer.stride, " ") : " ", shape);
  switch (layer.kind) {
    case LayerKind::kConv:
      return absl::StrCat(layer.groups > 1 ? "depthwise " : "conv ", window);
    case LayerKind::kMaxPool:
    case LayerKind::kAvgPool:
      return absl::StrCat(ToString(layer.kind), " ", window);
    default:
      return absl::StrCat(ToString(layer.kind), " ", shape);
  }
}

// Each layer once, by name.
inline absl::StatusOr<std::map<std::string, Layer>> DrawLayers(
    const std::vector<std::string>& task_files, int networks, uint64_t seed) {
  std::map<std::string, Layer> layers;
  for (const std::string& file : task_files) {
    ARCHPOOL_ASSIGN_OR_RETURN(TaskFile task, LoadTaskFile(file));
    task.spec.limits = {};  // a layer is measured whatever it is a part of
    ARCHPOOL_ASSIGN_OR_RETURN(
        const std::vector<DrawnPlan> drawn,
        DrawPlans(task, file, {.networks = networks, .seed = seed}));
    for (const DrawnPlan& network : drawn) {
      for (const Layer& layer : network.plan.layers) {
        layers[NameOf(layer)] = layer;
      }
    }
  }
  return layers;
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_BENCH_DRAW_LAYERS_H_
