// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/test_vectors.h"

#include <bit>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "common/base/counter_rng.h"
#include "common/kernels/inner/evaluation_network.h"
#include "common/kernels/inner/network.h"
#include "common/kernels/inner/table.h"

namespace archpool::kernels {
namespace {

// FNV-1a over the bytes of each number, the lowest first.
class Fnv {
 public:
  void Add(const float* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const auto bits = std::bit_cast<uint32_t>(values[i]);
      for (int byte = 0; byte < 4; ++byte) {
        hash_ = (hash_ ^ (bits >> (8 * byte) & 0xff)) * 0x100000001b3;
      }
    }
  }
  std::string Text() const {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx",
                  static_cast<unsigned long long>(hash_));
    return text;
  }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

// Numbers in [-1, 1), one in eight of them zero.
std::vector<float> Draw(CounterRng& rng, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) {
    value = 2.0f * rng.NextUnitFloat() - 1.0f;
    if (rng.Below(8) == 0) value = 0.0f;
  }
  return values;
}

// Layers one behind the other, as a network that is trained for some steps and
// evaluated.
class Layers {
 public:
  explicit Layers(const TensorShape& input) : input_(input), last_(input) {}

  Layers& Conv(int64_t channels, int64_t kernel, int64_t stride,
               bool is_depthwise = false) {
    Layer layer = Next(LayerKind::kConv);
    layer.kernel = kernel;
    layer.stride = stride;
    layer.groups = is_depthwise ? last_.channels : 1;
    layer.output_shape = {channels, (last_.height - 1) / stride + 1,
                          (last_.width - 1) / stride + 1};
    layer.parameters =
        channels * kernel * kernel * (is_depthwise ? 1 : last_.channels);
    return Append(layer);
  }
  Layers& Norm() {
    Layer layer = Next(LayerKind::kBatchNorm);
    layer.parameters = 2 * last_.channels;
    return Append(layer);
  }
  Layers& Simple(LayerKind kind) { return Append(Next(kind)); }
  Layers& Pool(LayerKind kind, int64_t kernel, int64_t stride) {
    Layer layer = Next(kind);
    layer.kernel = kernel;
    layer.stride = stride;
    const int64_t added = 2 * ((kernel - 1) / 2) - kernel;
    layer.output_shape.height = (last_.height + added) / stride + 1;
    layer.output_shape.width = (last_.width + added) / stride + 1;
    return Append(layer);
  }
  Layers& AddOf(int second) {
    Layer layer = Next(LayerKind::kAdd);
    layer.second_input = second;
    return Append(layer);
  }
  Layers& End(int64_t classes, bool pools) {
    if (pools) {
      Layer pool = Next(LayerKind::kGlobalAvgPool);
      pool.output_shape = {last_.channels, 1, 1};
      Append(pool);
    }
    Layer layer = Next(LayerKind::kLinear);
    layer.output_shape = {classes, 1, 1};
    layer.parameters = (last_.elements() + 1) * classes;
    return Append(layer);
  }
  int size() const { return static_cast<int>(layers_.size()); }
  const TensorShape& last() const { return last_; }
  const TensorShape& input() const { return input_; }
  const std::vector<Layer>& layers() const { return layers_; }

  // Weights, and then images and labels step by step, from stream 0 of `key`.
  void Train(uint64_t key, int64_t batch, int steps, const Machine& machine,
             Fnv& digest) const {
    const KernelTable& kernels = TableOf(machine.simd);
    Team team(machine.threads);
    Network network(input_, layers_, batch, kernels, team);
    CounterRng rng(key, 0);
    Initialise(rng, network.parameters());
    const int64_t classes = layers_.back().output_shape.channels;
    std::vector<uint8_t> labels(static_cast<size_t>(batch));
    for (int step = 0; step < steps; ++step) {
      const std::vector<float> images = Draw(rng, batch * input_.elements());
      for (uint8_t& label : labels) {
        label = static_cast<uint8_t>(rng.Below(static_cast<uint32_t>(classes)));
      }
      network.Step(images.data(), labels.data(),
                   {.rates = {.rate = 0.05f, .momentum = 0.9f, .decay = 0.001f},
                    .smoothing = 0.125});
      AddLogits(network.logits(), network.logits_stride(), batch, digest);
    }
    AddParameters(network.parameters(), digest);
    EvaluationNetwork evaluation(input_, layers_, batch, network.parameters(),
                                 kernels, team);
    const std::vector<float> images = Draw(rng, batch * input_.elements());
    AddLogits(evaluation.Logits(images.data(), batch),
              evaluation.logits_stride(), batch, digest);
  }

 private:
  Layer Next(LayerKind kind) const {
    Layer layer;
    layer.kind = kind;
    layer.input = static_cast<int>(layers_.size()) - 1;
    layer.input_shape = last_;
    layer.output_shape = last_;
    return layer;
  }
  Layers& Append(const Layer& layer) {
    last_ = layer.output_shape;
    layers_.push_back(layer);
    return *this;
  }
  // In the order of the parameters, each as in files; running variances are 1,
  // running means 0.
  static void Initialise(CounterRng& rng, Parameters& parameters) {
    for (const auto* places : {&parameters.trained(), &parameters.running()}) {
      for (const TensorPlace& place : *places) {
        std::vector<float> values(static_cast<size_t>(place.layout.values()));
        const bool is_variance = std::string(place.name) == "running_var";
        const bool is_mean = std::string(place.name) == "running_mean";
        if (!is_variance && !is_mean) values = Draw(rng, place.layout.values());
        if (is_variance) values.assign(values.size(), 1.0f);
        place.layout.FromFile(values.data(), parameters.At(place));
      }
    }
  }
  void AddLogits(const float* logits, int64_t stride, int64_t batch,
                 Fnv& digest) const {
    for (int64_t n = 0; n < batch; ++n) {
      digest.Add(logits + n * stride, layers_.back().output_shape.channels);
    }
  }
  static void AddParameters(const Parameters& parameters, Fnv& digest) {
    for (const auto* places : {&parameters.trained(), &parameters.running()}) {
      for (const TensorPlace& place : *places) {
        std::vector<float> values(static_cast<size_t>(place.layout.values()));
        place.layout.ToFile(parameters.At(place), values.data());
        digest.Add(values.data(), place.layout.values());
      }
    }
  }

  TensorShape input_;
  TensorShape last_;
  std::vector<Layer> layers_;
};

Layers Block(const TensorShape& input) {
  Layers layers(input);
  layers.Conv(12, 3, 1).Norm().Simple(LayerKind::kRelu);
  return layers;
}

struct Case {
  const char* name;
  Layers layers;
  int64_t batch = 6;
  int steps = 2;
};

// Each but the first adds one kind to what the ones before have shown.
std::vector<Case> LayerCases() {
  const TensorShape small{3, 9, 10};
  std::vector<Case> cases;
  const auto add = [&](const char* name, Layers layers) {
    cases.push_back({name, std::move(layers)});
  };
  add("linear, loss, optimiser", Layers({5, 2, 3}).End(7, false));
  add("convolution, batch norm",
      Layers(small).Conv(13, 3, 1).Norm().End(5, false));
  add("convolution 5x5, stride 2",
      Layers(small).Conv(20, 5, 2).Norm().Conv(9, 3, 2).Norm().End(5, false));
  add("convolution 1x1",
      Layers(small).Conv(24, 1, 1).Norm().Conv(40, 1, 2).Norm().End(5, false));
  add("relu", Block(small).Conv(8, 3, 1).Norm().End(5, false));
  add("hardswish", Layers(small)
                       .Conv(12, 3, 1)
                       .Norm()
                       .Simple(LayerKind::kHardswish)
                       .Conv(8, 3, 1)
                       .Norm()
                       .End(5, false));
  add("silu", Layers(small)
                  .Conv(12, 3, 1)
                  .Norm()
                  .Simple(LayerKind::kSilu)
                  .Conv(8, 3, 1)
                  .Norm()
                  .End(5, false));
  add("depthwise convolution", Block(small)
                                   .Conv(12, 3, 1, true)
                                   .Norm()
                                   .Conv(12, 5, 2, true)
                                   .Norm()
                                   .End(5, false));
  add("maximum pooling", Block(small)
                             .Pool(LayerKind::kMaxPool, 3, 2)
                             .Conv(8, 1, 1)
                             .Norm()
                             .End(5, false));
  add("average pooling", Block(small)
                             .Pool(LayerKind::kAvgPool, 3, 1)
                             .Conv(8, 1, 1)
                             .Norm()
                             .End(5, true));
  add("addition", Block(small)
                      .Conv(12, 3, 1)
                      .Norm()
                      .AddOf(2)
                      .Simple(LayerKind::kRelu)
                      .End(5, true));
  return cases;
}

std::vector<Case> TrainingCases() {
  std::vector<Case> cases;
  const auto training = [&](const char* name, Layers layers) {
    cases.push_back({name, std::move(layers), 32, 8});
  };
  training("training 1", Block({1, 28, 28})
                             .Conv(24, 3, 2)
                             .Norm()
                             .Simple(LayerKind::kRelu)
                             .Conv(40, 3, 2)
                             .Norm()
                             .Simple(LayerKind::kRelu)
                             .End(10, true));
  training("training 2", Layers({3, 16, 16})
                             .Conv(16, 3, 1)
                             .Norm()
                             .Simple(LayerKind::kHardswish)
                             .Conv(48, 1, 1)
                             .Norm()
                             .Simple(LayerKind::kHardswish)
                             .Conv(48, 5, 2, true)
                             .Norm()
                             .Simple(LayerKind::kHardswish)
                             .Conv(24, 1, 1)
                             .Norm()
                             .End(10, true));
  training("training 3", Block({3, 16, 16})
                             .Pool(LayerKind::kMaxPool, 3, 2)
                             .Conv(12, 3, 1)
                             .Norm()
                             .AddOf(3)
                             .Simple(LayerKind::kSilu)
                             .Pool(LayerKind::kAvgPool, 3, 2)
                             .Conv(33, 3, 1)
                             .Norm()
                             .Simple(LayerKind::kRelu)
                             .End(10, false));
  return cases;
}

std::vector<Case> AllCases() {
  std::vector<Case> cases = LayerCases();
  for (Case& one : TrainingCases()) cases.push_back(std::move(one));
  return cases;
}

// A chain of layers of any kind and size.
Layers DrawLayers(CounterRng& rng) {
  const auto draw = [&](int64_t first, int64_t last) {
    return first + rng.Below(static_cast<uint32_t>(last - first + 1));
  };
  constexpr LayerKind kActivations[] = {LayerKind::kRelu, LayerKind::kHardswish,
                                        LayerKind::kSilu};
  Layers layers({draw(1, 4), draw(3, 12), draw(3, 12)});
  const int64_t blocks = draw(1, 4);
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t kind = draw(0, 4);
    if (kind <= 2) {
      // Drawn one by one: compilers evaluate arguments in any order.
      const bool is_depthwise = kind == 2 && layers.last().channels > 1;
      const int64_t channels =
          is_depthwise ? layers.last().channels : draw(1, 50);
      const int64_t kernel = 2 * draw(0, 2) + 1;
      layers.Conv(channels, kernel, draw(1, 2), is_depthwise);
      layers.Norm();
    } else {
      layers.Pool(kind == 3 ? LayerKind::kMaxPool : LayerKind::kAvgPool, 3,
                  draw(1, 2));
    }
    if (draw(0, 1) == 0) layers.Simple(kActivations[draw(0, 2)]);
    if (draw(0, 2) == 0) layers.AddOf(layers.size() - 1);
  }
  const int64_t classes = draw(2, 12);
  layers.End(classes, draw(0, 1) == 0);
  return layers;
}

}  // namespace

std::vector<VectorDigest> ComputeLayerVectors(const Machine& machine) {
  std::vector<VectorDigest> digests;
  for (const Case& one : AllCases()) {
    Fnv digest;
    one.layers.Train(digests.size() + 1, one.batch, one.steps, machine, digest);
    digests.push_back({one.name, digest.Text()});
  }
  return digests;
}

std::vector<VectorNetwork> VectorNetworks() {
  std::vector<VectorNetwork> networks;
  for (const Case& one : AllCases()) {
    networks.push_back({.name = one.name,
                        .key = networks.size() + 1,
                        .input = one.layers.input(),
                        .layers = one.layers.layers(),
                        .batch = one.batch,
                        .steps = one.steps});
  }
  return networks;
}

std::string DigestOfRandomLayers(uint64_t seed, int count,
                                 const Machine& machine) {
  CounterRng rng(seed, 1);
  Fnv digest;
  for (int i = 0; i < count; ++i) {
    const Layers layers = DrawLayers(rng);
    const int64_t batch = 1 + rng.Below(9);
    layers.Train(seed + static_cast<uint64_t>(i), batch, 2, machine, digest);
  }
  return digest.Text();
}

}  // namespace archpool::kernels
