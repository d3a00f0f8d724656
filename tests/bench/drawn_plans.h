// SPDX-License-Identifier: Apache-2.0
// Networks drawn from a task file's space, for programs that measure them. The
// same seed draws the same networks from the same space. Header-only.
#ifndef ARCHPOOL_TESTS_BENCH_DRAWN_PLANS_H_
#define ARCHPOOL_TESTS_BENCH_DRAWN_PLANS_H_

#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/task_file.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/nas/layer_plan.h"

namespace archpool {

// Of the images that a task file of deploy/examples is about: Fashion-MNIST's
// or CIFAR-10's.
inline TensorShape ImageShapeOf(const std::string& task_file) {
  return task_file.find("fashion") != std::string::npos
             ? TensorShape{1, 28, 28}
             : TensorShape{3, 32, 32};
}

// "fashion-mnist.yaml", without its folders.
inline std::string FileNameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

struct DrawnPlan {
  std::string name;  // the task file's and the network's rank in the space
  Architecture architecture;
  LayerPlan plan;  // for ten classes
};

struct Drawing {
  int networks = 1;
  uint64_t seed = 1;
  std::optional<TensorShape> images;  // unset: ImageShapeOf the task file
  std::function<bool(const LayerPlan&)> accept;  // empty: takes every network
};

// Networks of `task`, which `file` holds, that are within its limits.
// FAILED_PRECONDITION (NETWORKS_TOO_FEW): 10,000 draws found fewer than asked
// for.
inline absl::StatusOr<std::vector<DrawnPlan>> DrawPlans(
    const TaskFile& task, const std::string& file, const Drawing& drawing) {
  constexpr int kClasses = 10;
  constexpr int kDrawsMax = 10'000;
  const SearchSpace& space = task.spec.space;
  const TensorShape images = drawing.images.value_or(ImageShapeOf(file));
  CounterRng rng(drawing.seed, 0);
  std::vector<DrawnPlan> drawn;
  for (int draw = 0; std::ssize(drawn) < drawing.networks; ++draw) {
    if (draw == kDrawsMax) {
      return FailedPrecondition(
          "NETWORKS_TOO_FEW",
          absl::StrCat(file, ": ", drawn.size(), " of ", draw,
                       " networks drawn can be used, and ", drawing.networks,
                       " are asked for"));
    }
    const auto rank =
        static_cast<int64_t>(rng.Below64(static_cast<uint64_t>(space.size())));
    Architecture architecture = space.ArchitectureAt(rank);
    auto plan =
        MakeLayerPlan(space, architecture, images, kClasses, task.spec.limits);
    if (!plan.ok() || (drawing.accept && !drawing.accept(*plan))) continue;
    drawn.push_back({.name = absl::StrCat(FileNameOf(file), " ", rank),
                     .architecture = std::move(architecture),
                     .plan = *std::move(plan)});
  }
  return drawn;
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_BENCH_DRAWN_PLANS_H_
