// SPDX-License-Identifier: Apache-2.0
#include "worker/train/speed.h"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "common/base/countdown.h"
#include "common/base/counter_rng.h"
#include "common/crypto/sha256.h"
#include "common/data/dataset.h"
#include "common/kernels/training.h"
#include "common/model/task_spec.h"
#include "common/nas/layer_plan.h"

namespace archpool {
namespace {

constexpr int64_t kBatch = 64;
constexpr int64_t kExamples = 8 * kBatch;

Layer& AddLayer(LayerPlan& plan, LayerKind kind) {
  const TensorShape shape =
      plan.layers.empty() ? plan.input_shape : plan.layers.back().output_shape;
  Layer layer;
  layer.kind = kind;
  layer.input = static_cast<int>(plan.layers.size()) - 1;
  layer.input_shape = shape;
  layer.output_shape = shape;
  return plan.layers.emplace_back(layer);
}

void AddBlock(LayerPlan& plan, int64_t width, int64_t stride) {
  constexpr int64_t kKernel = 3;
  Layer& conv = AddLayer(plan, LayerKind::kConv);
  conv.kernel = kKernel;
  conv.stride = stride;
  conv.output_shape = {width, (conv.input_shape.height - 1) / stride + 1,
                       (conv.input_shape.width - 1) / stride + 1};
  conv.parameters = width * conv.input_shape.channels * kKernel * kKernel;
  conv.macs =
      conv.parameters * conv.output_shape.height * conv.output_shape.width;
  AddLayer(plan, LayerKind::kBatchNorm).parameters = 2 * width;
  AddLayer(plan, LayerKind::kRelu);
}

// Three convolutions, about what a network of deploy/examples has in one stage.
LayerPlan SmallNetwork() {
  LayerPlan plan;
  plan.input_shape = {1, 28, 28};
  plan.classes = 10;
  AddBlock(plan, 16, 1);
  AddBlock(plan, 32, 2);
  AddBlock(plan, 64, 2);
  Layer& pool = AddLayer(plan, LayerKind::kGlobalAvgPool);
  pool.output_shape = {pool.input_shape.channels, 1, 1};
  Layer& linear = AddLayer(plan, LayerKind::kLinear);
  linear.output_shape = {plan.classes, 1, 1};
  linear.macs = linear.input_shape.elements() * plan.classes;
  linear.parameters = linear.macs + plan.classes;
  for (const Layer& layer : plan.layers) {
    plan.parameters += layer.parameters;
    plan.macs += layer.macs;
  }
  return plan;
}

Dataset Noise(const LayerPlan& plan) {
  Dataset data;
  data.shape = plan.input_shape;
  data.classes = plan.classes;
  CounterRng rng(1, 1);
  data.images.resize(static_cast<size_t>(kExamples * data.shape.elements()));
  for (uint8_t& pixel : data.images) {
    pixel = static_cast<uint8_t>(rng.Below(256));
  }
  for (int64_t i = 0; i < kExamples; ++i) {
    data.labels.push_back(static_cast<uint8_t>(i % plan.classes));
  }
  return data;
}

}  // namespace

double ImagesPerSecond(const kernels::Machine& machine,
                       absl::Duration duration) {
  const LayerPlan plan = SmallNetwork();
  const Dataset data = Noise(plan);
  Recipe recipe;
  recipe.batch_size = kBatch;
  recipe.epochs = 1'000'000;        // more than there is time for
  recipe.learning_rate_ppm = 1000;  // so that noise makes nothing diverge
  recipe.segments = 1;
  // The first step finds memory and caches cold: it does not count.
  std::optional<Stopwatch> watch;
  int64_t steps = 0;
  double rate = 0;
  const auto on_step = [&](const kernels::TrainingProgress&) {
    if (!watch.has_value()) {
      watch.emplace();
      return true;
    }
    ++steps;
    const absl::Duration elapsed = watch->elapsed();
    rate = static_cast<double>(steps * kBatch) / absl::ToDoubleSeconds(elapsed);
    return elapsed < duration;
  };
  // It is stopped, or there is no memory: `rate` says all.
  const auto stopped =
      kernels::Train(plan, recipe, {}, Sha256("speed"),
                     {.mean_ppm = 500'000, .deviation_ppm = 290'000}, data,
                     data, on_step, nullptr, nullptr, machine);
  static_cast<void>(stopped);
  return rate;
}

double ImagesPerSecond(const kernels::Machine& machine, const LanePlan& lanes,
                       absl::Duration duration) {
  kernels::Machine each = machine;
  each.threads = static_cast<int>(lanes.threads);
  std::vector<double> rates(static_cast<size_t>(lanes.lanes));
  {
    std::vector<std::jthread> threads;
    try {
      for (double& rate : rates) {
        threads.emplace_back(
            [&, duration] { rate = ImagesPerSecond(each, duration); });
      }
    } catch (const std::system_error&) {
      // Those that were started say what there is to say.
    }
  }
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

}  // namespace archpool
