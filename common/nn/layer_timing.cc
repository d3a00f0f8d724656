#include "common/nn/layer_timing.h"

#include <ATen/ATen.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/kernels/weights.h"
#include "common/nn/evaluation_network.h"
#include "common/nn/network.h"
#include "common/nn/runtime.h"

namespace archpool::nn {
namespace {

using kernels::InitialWeights;

constexpr int64_t kTrainingBatch = 128;
// A batch of more work than this is made smaller: its rate has long settled.
constexpr int64_t kBatchMacsMax = 1'000'000'000;
constexpr int64_t kBatchMin = 8;
constexpr size_t kRunsMin = 5;

int64_t BatchFor(const Layer& layer, int64_t batch) {
  const int64_t affordable =
      std::max(kBatchMacsMax / std::max<int64_t>(layer.macs, 1), kBatchMin);
  return std::min(batch, affordable);
}

// Signed values, so that activations do part of both of their branches. One
// draw is repeated: a prime length keeps it from lining up with any shape.
at::Tensor Noise(at::IntArrayRef sizes) {
  std::vector<float> drawn(8191);
  CounterRng rng(/*key=*/1, /*stream=*/0);
  for (float& value : drawn) value = rng.NextUnitFloat() - 0.5f;
  at::Tensor noise = at::empty(sizes, at::kFloat);
  float* values = noise.data_ptr<float>();
  for (int64_t i = 0; i < noise.numel(); ++i) {
    values[i] = drawn[static_cast<size_t>(i) % drawn.size()];
  }
  return noise.dim() == 4 ? noise.contiguous(at::MemoryFormat::ChannelsLast)
                          : noise;
}

at::Tensor InputOf(const Layer& layer, int64_t batch) {
  const TensorShape& shape = layer.input_shape;
  if (layer.kind == LayerKind::kLinear) {
    return Noise({batch, shape.elements()});
  }
  return Noise({batch, shape.channels, shape.height, shape.width});
}

// Of this thread: what others do on the machine does not count.
int64_t ProcessorTimeNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

template <typename Body>
double MedianNs(absl::Duration span, Body&& body) {
  body();
  std::vector<int64_t> runs;
  const int64_t end_ns = ProcessorTimeNs() + absl::ToInt64Nanoseconds(span);
  int64_t now_ns = ProcessorTimeNs();
  while (runs.size() < kRunsMin || now_ns < end_ns) {
    const int64_t start_ns = now_ns;
    body();
    now_ns = ProcessorTimeNs();
    runs.push_back(now_ns - start_ns);
  }
  const auto middle =
      runs.begin() + static_cast<std::ptrdiff_t>(runs.size() / 2);
  std::nth_element(runs.begin(), middle, runs.end());
  return static_cast<double>(*middle);
}

}  // namespace

absl::StatusOr<LayerTiming> TimeLayer(const Layer& layer,
                                      bool differentiates_input,
                                      absl::Duration span) {
  LayerPlan plan;
  plan.input_shape = layer.input_shape;
  plan.layers = {layer};
  plan.layers[0].input = -1;
  plan.layers[0].second_input = -1;
  const TensorMap weights = InitialWeights(plan, /*key=*/1);
  return Guarded([&]() -> absl::StatusOr<LayerTiming> {
    LayerTiming timing;
    const int64_t batch = BatchFor(layer, kTrainingBatch);
    Network network(plan, weights, differentiates_input);
    const at::Tensor images = InputOf(layer, batch);
    const at::Tensor gradient = Noise(network.Forward(images).sizes());
    timing.train_ns = MedianNs(span,
                               [&] {
                                 network.Forward(images);
                                 network.Backward(gradient);
                               }) /
                      static_cast<double>(batch);

    const int64_t few = BatchFor(layer, kEvaluationBatch);
    EvaluationNetwork evaluation(plan, weights);
    const at::Tensor shown = InputOf(layer, few);
    timing.evaluate_ns = MedianNs(span, [&] { evaluation.Logits(shown); }) /
                         static_cast<double>(few);
    return timing;
  });
}

}  // namespace archpool::nn
