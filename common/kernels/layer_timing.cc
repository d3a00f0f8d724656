// SPDX-License-Identifier: Apache-2.0
// Convolutions and pools have passes of their own, which are called alone. What
// the other layers do is spread over a network's step (statistics, fused
// activations, sums of gradients): two small networks are timed in turn, one
// with the layer and one without, and the difference is the layer's.
#include "common/kernels/layer_timing.h"

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/kernels/inner/conv_taps.h"
#include "common/kernels/inner/layer_passes.h"
#include "common/kernels/inner/network.h"
#include "common/kernels/inner/network_plan.h"
#include "common/kernels/inner/parameters.h"
#include "common/kernels/inner/product.h"
#include "common/kernels/inner/table.h"
#include "common/kernels/inner/team.h"

namespace archpool::kernels {
namespace {

constexpr int64_t kEvaluationBatch = 16;  // as evaluation.cc has it
// A batch of more work than this is made smaller: its rate has long settled.
constexpr int64_t kBatchMacsMax = 500'000'000;
constexpr int64_t kBatchMin = 8;
constexpr size_t kRunsMin = 5;
// Layers of the same kind in a network that is timed: a difference of one would
// drown in what else the network does.
constexpr int kRepeats = 3;

// No weight moves: every run does the same work on the same numbers.
constexpr Parameters::Rates kAtRest = {};

// Signed values, so that activations do part of both of their branches.
// One draw is repeated: a prime length keeps it from lining up with any shape.
void FillWithNoise(float* values, int64_t count) {
  static const std::vector<float> drawn = [] {
    std::vector<float> all(8191);
    CounterRng rng(/*key=*/1, /*stream=*/0);
    for (float& value : all) value = rng.NextUnitFloat() - 0.5f;
    return all;
  }();
  const auto size = static_cast<int64_t>(drawn.size());
  for (int64_t i = 0; i < count; i += size) {
    std::copy_n(drawn.begin(), std::min(size, count - i), values + i);
  }
}

void FillWithNoise(Parameters& parameters) {
  for (const TensorPlace& place : parameters.trained()) {
    FillWithNoise(parameters.At(place), place.layout.floats());
  }
}

// This thread's time: what others do on the machine does not count.
int64_t ProcessorTimeNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

using Calls = std::vector<std::function<void()>>;

// How often a call is made before the clock is read, which takes a part of a
// microsecond itself.
int64_t CallsPerReading(const std::function<void()>& call) {
  constexpr int64_t kReadingNs = 20'000;
  constexpr int64_t kCallsMax = 64;
  constexpr int64_t kLongNs = 1'000'000;
  int64_t took_ns = 0;
  // The first call may be slower than any that follows.
  for (int i = 0; i < 2 && took_ns < kLongNs; ++i) {
    const int64_t start_ns = ProcessorTimeNs();
    call();
    took_ns = std::max<int64_t>(ProcessorTimeNs() - start_ns, 1);
  }
  return std::clamp<int64_t>(kReadingNs / took_ns, 1, kCallsMax);
}

// The median of each call, all in turn: what disturbs one disturbs all.
std::vector<double> MediansNs(absl::Duration span, const Calls& calls) {
  std::vector<std::vector<int64_t>> runs(calls.size());
  std::vector<int64_t> repeats;
  for (const auto& call : calls) repeats.push_back(CallsPerReading(call));
  const int64_t end_ns =
      ProcessorTimeNs() +
      absl::ToInt64Nanoseconds(span) * static_cast<int64_t>(calls.size());
  int64_t now_ns = ProcessorTimeNs();
  while (runs[0].size() < kRunsMin || now_ns < end_ns) {
    for (size_t i = 0; i < calls.size(); ++i) {
      const int64_t start_ns = now_ns;
      for (int64_t n = 0; n < repeats[i]; ++n) calls[i]();
      now_ns = ProcessorTimeNs();
      runs[i].push_back(now_ns - start_ns);
    }
  }
  std::vector<double> medians;
  for (size_t i = 0; i < calls.size(); ++i) {
    const auto middle =
        runs[i].begin() + static_cast<std::ptrdiff_t>(runs[i].size() / 2);
    std::nth_element(runs[i].begin(), middle, runs[i].end());
    medians.push_back(static_cast<double>(*middle) /
                      static_cast<double>(repeats[i]));
  }
  return medians;
}

double MedianNs(absl::Duration span, std::function<void()> call) {
  return MediansNs(span, {std::move(call)})[0];
}

// A map with noise in it, as a network would lay it out.
class Map {
 public:
  Map(const MapLayout& layout, int64_t batch)
      : layout_(layout),
        data_(static_cast<size_t>(layout_.floats(batch) + kSlack)) {
    FillWithNoise(data_.data(), static_cast<int64_t>(data_.size()));
  }
  MapView view() {
    return {.at = data_.data() + layout_.origin(),
            .strides = layout_.strides(),
            .shape = layout_.shape};
  }

 private:
  const MapLayout layout_;
  AlignedFloats data_;
};

// The passes of a convolution or a pool, with maps of their own.
class Passes {
 public:
  Passes(const Layer& layer, int64_t batch, const TimingOptions& options)
      : layer_(layer),
        differentiates_input_(options.differentiates_input),
        kernels_(TableOf(options.simd)),
        context_{kernels_, team_, batch},
        border_(layer.kind == LayerKind::kConv ? PaddingOf(layer) : 0),
        in_({.shape = layer.input_shape,
             .border = border_,
             .is_image = !differentiates_input_},
            batch),
        out_({.shape = layer.output_shape}, batch),
        gradient_({.shape = layer.output_shape, .border = border_}, batch),
        of_input_({.shape = layer.input_shape}, batch),
        parameters_({layer}) {
    FillWithNoise(parameters_);
    if (layer.kind != LayerKind::kConv) return;
    const Strides of_gradient = gradient_.view().strides;
    product_ = std::make_unique<Product>(
        layer, in_.view().strides,
        differentiates_input_ ? &of_gradient : nullptr);
    scratch_.resize(static_cast<size_t>(product_->ScratchFloats(batch)));
  }

  void Forward() {
    if (!product_) {
      return PoolAll(context_, layer_, in_.view(), out_.view());
    }
    product_->Forward(context_, in_.view(), parameters_.At(weight()), nullptr,
                      out_.view());
  }
  void Backward() {
    if (!product_) {
      return PoolGradientAll(context_, layer_, in_.view(), gradient_.view(),
                             of_input_.view());
    }
    product_->WeightGradient(context_, in_.view(), gradient_.view(),
                             scratch_.data(), parameters_.Gradient(weight()));
    if (differentiates_input_) {
      product_->Turn(context_, parameters_.At(weight()));
      product_->InputGradient(context_, gradient_.view(), of_input_.view());
    }
    parameters_.Step(kAtRest, true, kernels_, team_);
  }

 private:
  const TensorPlace& weight() { return parameters_.PlaceOf(0, "weight"); }

  const Layer layer_;
  const bool differentiates_input_;
  Team team_{1};
  const KernelTable& kernels_;
  const Context context_;
  const int64_t border_;
  Map in_;
  Map out_;
  Map gradient_;
  Map of_input_;
  Parameters parameters_;
  std::unique_ptr<Product> product_;  // null: a pool
  AlignedFloats scratch_;
};

Layer Elementwise(LayerKind kind, const TensorShape& shape, int input) {
  Layer layer;
  layer.kind = kind;
  layer.input = input;
  layer.input_shape = layer.output_shape = shape;
  if (kind == LayerKind::kBatchNorm) layer.parameters = 2 * shape.channels;
  return layer;
}

// A network that trains: an activation before, which reads the images and so
// has no backward pass, `kinds` kRepeats times over, and a small end. An
// addition adds what the group before it put out.
class SmallNetwork {
 public:
  SmallNetwork(const TensorShape& shape, const std::vector<LayerKind>& kinds,
               int64_t batch, Simd simd)
      : layers_(LayersOf(shape, kinds)),
        images_(static_cast<size_t>(batch * shape.elements() + kSlack)),
        labels_(static_cast<size_t>(batch)),
        network_(shape, layers_, batch, TableOf(simd), team_) {
    FillWithNoise(images_.data(), batch * shape.elements());
    FillWithNoise(network_.parameters());
  }

  void Step() {
    network_.Step(images_.data(), labels_.data(), {.rates = kAtRest});
  }

 private:
  static std::vector<Layer> LayersOf(const TensorShape& shape,
                                     const std::vector<LayerKind>& kinds) {
    std::vector<Layer> layers = {Elementwise(LayerKind::kRelu, shape, -1)};
    const auto last = [&] { return static_cast<int>(layers.size()) - 1; };
    for (int i = 0; i < kRepeats; ++i) {
      const int before = last();
      for (const LayerKind kind : kinds) {
        layers.push_back(Elementwise(kind, shape, last()));
        if (kind == LayerKind::kAdd) layers.back().second_input = before;
      }
    }
    Layer end = Elementwise(LayerKind::kGlobalAvgPool, shape, last());
    end.output_shape = {shape.channels, 1, 1};
    layers.push_back(end);
    end = Elementwise(LayerKind::kLinear, end.output_shape, last());
    end.output_shape = {1, 1, 1};
    end.parameters = shape.channels + 1;
    layers.push_back(end);
    return layers;
  }

  const std::vector<Layer> layers_;
  AlignedFloats images_;
  std::vector<uint8_t> labels_;
  Team team_{1};
  Network network_;
};

// A network comes back to a layer's maps when it has been through many others:
// several layers alike are gone through forward and then backward, as many as
// fill a cache, so that none finds its own maps there.
double TimePassesNs(const Layer& layer, const TimingOptions& options) {
  constexpr int64_t kFloatsMin = 6'000'000;
  constexpr int64_t kCopiesMax = 4;
  const int64_t floats =
      2 * options.batch *
      (layer.input_shape.elements() + layer.output_shape.elements());
  const int64_t copies =
      std::clamp<int64_t>(kFloatsMin / floats + 1, 1, kCopiesMax);
  std::vector<std::unique_ptr<Passes>> all;
  for (int64_t i = 0; i < copies; ++i) {
    all.push_back(std::make_unique<Passes>(layer, options.batch, options));
  }
  return MedianNs(options.span,
                  [&] {
                    for (auto& of : all) of->Forward();
                    for (auto of = all.rbegin(); of != all.rend(); ++of) {
                      (*of)->Backward();
                    }
                  }) /
         static_cast<double>(copies * options.batch);
}

// What `with` takes beyond `without`, each time.
double DifferenceNs(const Layer& layer, const std::vector<LayerKind>& with,
                    const std::vector<LayerKind>& without,
                    const TimingOptions& options) {
  SmallNetwork more(layer.output_shape, with, options.batch, options.simd);
  SmallNetwork less(layer.output_shape, without, options.batch, options.simd);
  const std::vector<double> ns =
      MediansNs(options.span, {[&] { more.Step(); }, [&] { less.Step(); }});
  return std::max(0.0, ns[0] - ns[1]) /
         static_cast<double>(kRepeats * options.batch);
}

// A linear layer ends a network: it is one with an activation before it, of as
// many numbers as it reads.
double TimeLinearNs(const Layer& layer, const TimingOptions& options) {
  Layer linear = layer;
  linear.input = 0;
  const std::vector<Layer> layers = {
      Elementwise(LayerKind::kRelu, layer.input_shape, -1), linear};
  Team team(1);
  Network network(layer.input_shape, layers, options.batch,
                  TableOf(options.simd), team);
  FillWithNoise(network.parameters());
  const int64_t pixels = options.batch * layer.input_shape.elements();
  AlignedFloats images(static_cast<size_t>(pixels + kSlack));
  FillWithNoise(images.data(), pixels);
  const std::vector<uint8_t> labels(static_cast<size_t>(options.batch));
  return MedianNs(options.span,
                  [&] {
                    network.Step(images.data(), labels.data(),
                                 {.rates = kAtRest});
                  }) /
         static_cast<double>(options.batch);
}

bool HasPasses(LayerKind kind) {
  return kind == LayerKind::kConv || kind == LayerKind::kMaxPool ||
         kind == LayerKind::kAvgPool || kind == LayerKind::kGlobalAvgPool;
}

}  // namespace

int64_t TimedBatch(const Layer& layer, int64_t batch) {
  const int64_t affordable =
      std::max(kBatchMacsMax / std::max<int64_t>(layer.macs, 1), kBatchMin);
  return std::min(batch, affordable);
}

LayerTiming TimeTraining(const Layer& layer, const TimingOptions& options) {
  TimingOptions of = options;
  of.batch = TimedBatch(layer, options.batch);
  LayerTiming timing;
  const LayerKind kind = layer.kind;
  constexpr LayerKind kNorm = LayerKind::kBatchNorm;
  if (HasPasses(kind)) {
    timing.train_ns = TimePassesNs(layer, of);
  } else if (kind == LayerKind::kLinear) {
    timing.train_ns = TimeLinearNs(layer, of);
  } else if (kind == kNorm) {
    timing.train_ns = DifferenceNs(layer, {kNorm}, {}, of);
  } else if (kind == LayerKind::kAdd) {
    constexpr LayerKind kRelu = LayerKind::kRelu;
    timing.train_ns = DifferenceNs(layer, {kRelu, kind}, {kRelu}, of);
  } else {
    timing.train_ns = DifferenceNs(layer, {kind}, {}, of);
    timing.fused_train_ns = DifferenceNs(layer, {kNorm, kind}, {kNorm}, of);
    return timing;
  }
  timing.fused_train_ns = timing.train_ns;
  return timing;
}

double TimeEvaluationNs(const Layer& layer, const TimingOptions& options) {
  const int64_t batch = TimedBatch(layer, kEvaluationBatch);
  const auto time = [&](std::function<void()> call) {
    return MedianNs(options.span, std::move(call)) / static_cast<double>(batch);
  };
  if (HasPasses(layer.kind)) {
    Passes passes(layer, batch, options);
    return time([&] { passes.Forward(); });
  }
  Team team(1);
  const Context context{TableOf(options.simd), team, batch};
  Map in({.shape = layer.input_shape}, batch);
  Map second({.shape = layer.input_shape}, batch);
  Map out({.shape = layer.output_shape}, batch);
  if (layer.kind == LayerKind::kBatchNorm) {
    const AlignedFloats line(
        static_cast<size_t>(layer.input_shape.channels + kSlack), 0.5f);
    return time([&] {
      NormalizeAll(context, in.view(), out.view(),
                   {line.data(), line.data(), line.data()},
                   LayerKind::kBatchNorm);
    });
  }
  if (layer.kind == LayerKind::kLinear) {
    Parameters parameters({layer});
    FillWithNoise(parameters);
    Product product(layer, in.view().strides, nullptr);
    return time([&] {
      product.Forward(context, in.view(),
                      parameters.At(parameters.PlaceOf(0, "weight")),
                      parameters.At(parameters.PlaceOf(0, "bias")), out.view());
    });
  }
  const MapView added =
      layer.kind == LayerKind::kAdd ? second.view() : MapView();
  return time(
      [&] { PointwiseAll(context, layer.kind, in.view(), added, out.view()); });
}

}  // namespace archpool::kernels
