// SPDX-License-Identifier: Apache-2.0
// How precise the kernels are, beside oneDNN and ATen in float32: every layer
// of networks drawn from task files' spaces, forward, by the input, by the
// weights and by the bias, against ATen in double precision on the same
// numbers. Once with activations around 0, once with activations whose mean is
// a thousand deviations. Fails where a root-mean-square error of the kernels is
// more than twice the other's.
//
//   kernel_precision [--batch N] [--networks N] [--factor F] TASK_FILE…
//
// One line a layer: the error in parts of the result's own root mean square, in
// billionths, and in brackets how many times the other's it is.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/types/span.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/kernels/inner/parameters.h"
#include "common/kernels/inner/product.h"
#include "common/kernels/inner/table.h"
#include "common/kernels/inner/test_maps.h"
#include "common/kernels/reference.h"
#include "common/nn/layer_results.h"
#include "common/nn/trial.h"
#include "tests/bench/draw_layers.h"

namespace archpool {
namespace {

using kernels::PaddingOf;
using kernels::TensorLayout;
using kernels::TestMap;
using kernels::reference::Values;
using nn::LayerOperands;

struct Options {
  std::vector<std::string> task_files;
  int64_t batch = 32;
  int networks = 40;
  uint64_t seed = 1;
  double factor = 2;
};

// A sum of twelve uniform numbers is near enough to normal.
Values Normal(CounterRng& rng, int64_t count, float mean, float deviation) {
  Values values(static_cast<size_t>(count));
  for (float& value : values) {
    float sum = -6.0f;
    for (int i = 0; i < 12; ++i) sum += rng.NextUnitFloat();
    value = mean + deviation * sum;
  }
  return values;
}

LayerOperands Draw(const Layer& layer, int64_t batch, float mean,
                   CounterRng& rng) {
  LayerOperands operands;
  operands.input =
      Normal(rng, batch * layer.input_shape.elements(), mean, 1.0f);
  operands.gradient =
      Normal(rng, batch * layer.output_shape.elements(), 0.0f, 1.0f);
  const int64_t outputs = layer.output_shape.channels;
  if (layer.kind == LayerKind::kBatchNorm) {
    operands.weights = Normal(rng, outputs, 1.0f, 0.2f);
    operands.bias = Normal(rng, outputs, 0.0f, 0.2f);
  } else if (layer.kind == LayerKind::kLinear ||
             layer.kind == LayerKind::kConv) {
    const int64_t inputs = layer.kind == LayerKind::kLinear
                               ? layer.input_shape.elements()
                               : layer.input_shape.channels / layer.groups *
                                     layer.kernel * layer.kernel;
    operands.weights = Normal(rng, outputs * inputs, 0.0f,
                              std::sqrt(2.0f / static_cast<float>(inputs)));
    if (layer.kind == LayerKind::kLinear) {
      operands.bias = Normal(rng, outputs, 0.0f, 0.2f);
    }
  }
  return operands;
}

struct OurResults {
  Values output;
  Values input_gradient;
  Values weight_gradient;
  Values bias_gradient;
};

// Through the kernels themselves: the loops would take hours.
OurResults Multiply(const Layer& layer, int64_t batch,
                    const LayerOperands& of) {
  const bool is_linear = layer.kind == LayerKind::kLinear;
  const int64_t border = is_linear ? 0 : PaddingOf(layer);
  const bool is_image = layer.input_shape.channels < 4;
  TestMap in(layer.input_shape, batch, border, of.input, is_image);
  TestMap of_input(layer.input_shape, batch, border, 0.0f);
  TestMap gradient(layer.output_shape, batch, border, of.gradient);
  TestMap out(layer.output_shape, batch, border, 0.0f);
  const auto view = [](TestMap& map, const TensorShape& shape) {
    return kernels::MapView{
        .at = map.first(), .strides = map.strides(), .shape = shape};
  };
  const TensorLayout tensor{
      .outputs = layer.output_shape.channels,
      .inputs = layer.groups > 1 ? 1 : layer.input_shape.channels,
      .taps = is_linear ? layer.input_shape.height * layer.input_shape.width
                        : layer.kernel * layer.kernel};
  const auto floats = static_cast<size_t>(tensor.floats() + kernels::kSlack);
  Values weights(floats);
  tensor.FromFile(of.weights.data(), weights.data());
  Values bias = of.bias;
  bias.resize(static_cast<size_t>(tensor.stride()));
  Values sums(floats);

  kernels::Team team(1);
  const kernels::Context context{kernels::TableOf(kernels::WidestSimd()), team,
                                 batch};
  kernels::Product product(layer, in.strides(), &gradient.strides());
  Values scratch(static_cast<size_t>(product.ScratchFloats(batch)));
  product.Forward(context, view(in, layer.input_shape), weights.data(),
                  is_linear ? bias.data() : nullptr,
                  view(out, layer.output_shape));
  product.Turn(context, weights.data());
  product.InputGradient(context, view(gradient, layer.output_shape),
                        view(of_input, layer.input_shape));
  product.WeightGradient(context, view(in, layer.input_shape),
                         view(gradient, layer.output_shape), scratch.data(),
                         sums.data());
  OurResults results{.output = out.Get(), .input_gradient = of_input.Get()};
  results.weight_gradient.resize(static_cast<size_t>(tensor.values()));
  tensor.ToFile(sums.data(), results.weight_gradient.data());
  if (is_linear) {
    results.bias_gradient =
        kernels::reference::LinearBiasGradient(layer, batch, of.gradient);
  }
  return results;
}

// Through the loops, which have the kernels' bits.
OurResults Normalise(const LayerOperands& of) {
  Values mean(of.weights.size());
  Values variance(of.weights.size());
  kernels::reference::BatchStatistics statistics;
  OurResults results;
  results.output = kernels::reference::BatchNormForward(
      of.input,
      {.scale = of.weights,
       .shift = of.bias,
       .running_mean = absl::MakeSpan(mean),
       .running_variance = absl::MakeSpan(variance)},
      statistics);
  kernels::reference::BatchNormGradients gradients =
      kernels::reference::BatchNormBackward(of.input, of.gradient, of.weights,
                                            statistics);
  results.input_gradient = std::move(gradients.input);
  results.weight_gradient = std::move(gradients.scale);
  results.bias_gradient = std::move(gradients.shift);
  return results;
}

OurResults ComputeOurs(const Layer& layer, int64_t batch,
                       const LayerOperands& of) {
  switch (layer.kind) {
    case LayerKind::kConv:
    case LayerKind::kLinear:
      return Multiply(layer, batch, of);
    case LayerKind::kBatchNorm:
      return Normalise(of);
    case LayerKind::kRelu:
    case LayerKind::kHardswish:
    case LayerKind::kSilu: {
      OurResults results;
      for (size_t i = 0; i < of.input.size(); ++i) {
        results.output.push_back(
            kernels::reference::Activate(layer.kind, of.input[i]));
        results.input_gradient.push_back(kernels::reference::ActivationGradient(
            layer.kind, of.input[i], of.gradient[i]));
      }
      return results;
    }
    default:
      return {.output = kernels::reference::PoolForward(layer, batch, of.input),
              .input_gradient = kernels::reference::PoolInputGradient(
                  layer, batch, of.input, of.gradient)};
  }
}

// Of one pass of one layer, over several draws.
class Errors {
 public:
  template <typename Numbers>
  void Add(const Numbers& numbers, const std::vector<double>& exact) {
    for (size_t i = 0; i < exact.size(); ++i) {
      const double difference = static_cast<double>(numbers[i]) - exact[i];
      squares_ += difference * difference;
      of_exact_ += exact[i] * exact[i];
    }
  }
  bool is_empty() const { return of_exact_ == 0; }
  // The root of the mean square, in parts of the result's.
  double relative() const {
    return squares_ == 0 ? 0 : std::sqrt(squares_ / of_exact_);
  }

 private:
  double squares_ = 0;
  double of_exact_ = 0;
};

struct PassErrors {
  const char* pass;
  Errors ours;
  Errors theirs;

  void Add(const Values& our_values, const std::vector<double>& their_values,
           const std::vector<double>& exact) {
    if (our_values.empty()) return;
    ours.Add(our_values, exact);
    theirs.Add(their_values, exact);
  }
};

struct Worst {
  double ratio = 0;
  std::string layer;
};

class Table {
 public:
  explicit Table(double factor) : factor_(factor) {}

  void Add(const std::string& name, const std::vector<PassErrors>& passes) {
    std::printf("%-36s", name.c_str());
    const std::string kind = name.substr(0, name.find(' '));
    for (const PassErrors& errors : passes) {
      if (errors.ours.is_empty()) continue;
      const double error = errors.ours.relative();
      const double ratio =
          error == 0 ? 0 : error / std::max(errors.theirs.relative(), kExact);
      const bool is_over = ratio > factor_;
      std::printf("  %s %.1f (%.2f%s)", errors.pass, error * 1e9, ratio,
                  is_over ? " OVER" : "");
      over_ += is_over;
      Worst& worst = worst_[kind + " " + errors.pass];
      if (ratio >= worst.ratio) worst = {ratio, name};
    }
    std::printf("\n");
    std::fflush(stdout);
  }

  bool PrintWorst() const {
    std::printf("The worst of each kind:\n");
    for (const auto& [kind, worst] : worst_) {
      std::printf("%-28s %.2f  %s\n", kind.c_str(), worst.ratio,
                  worst.layer.c_str());
    }
    std::printf("%d over %.2f\n", over_, factor_);
    return over_ == 0;
  }

 private:
  // A tenth of what rounding a result once costs: an exact kernel asks no
  // more of others than that they round.
  static constexpr double kExact = 0x1p-26 / 10;

  const double factor_;
  std::map<std::string, Worst> worst_;
  int over_ = 0;
};

// So many draws that the mean square of the smallest result is over a thousand
// numbers or so: of ten it would be chance.
int64_t DrawsFor(const OurResults& results) {
  constexpr size_t kNumbers = 1'024;
  constexpr size_t kDrawsMax = 64;
  size_t least = kNumbers;
  for (const Values* values :
       {&results.output, &results.input_gradient, &results.weight_gradient,
        &results.bias_gradient}) {
    if (!values->empty()) least = std::min(least, values->size());
  }
  return static_cast<int64_t>(
      std::min(kDrawsMax, (kNumbers + least - 1) / least));
}

absl::StatusOr<std::vector<PassErrors>> CompareLayer(const Layer& layer,
                                                     int64_t batch,
                                                     float mean) {
  std::vector<PassErrors> passes = {{.pass = "forward"},
                                    {.pass = "input"},
                                    {.pass = "weights"},
                                    {.pass = "bias"}};
  CounterRng rng(1, 1);
  int64_t draws = 1;
  for (int64_t draw = 0; draw < draws; ++draw) {
    const LayerOperands operands = Draw(layer, batch, mean, rng);
    ARCHPOOL_ASSIGN_OR_RETURN(
        const nn::LayerResults exact,
        nn::ComputeLayer(layer, batch, operands, nn::Precision::kFloat64));
    ARCHPOOL_ASSIGN_OR_RETURN(
        const nn::LayerResults theirs,
        nn::ComputeLayer(layer, batch, operands, nn::Precision::kFloat32));
    const OurResults ours = ComputeOurs(layer, batch, operands);
    draws = DrawsFor(ours);
    passes[0].Add(ours.output, theirs.output, exact.output);
    passes[1].Add(ours.input_gradient, theirs.input_gradient,
                  exact.input_gradient);
    passes[2].Add(ours.weight_gradient, theirs.weight_gradient,
                  exact.weight_gradient);
    passes[3].Add(ours.bias_gradient, theirs.bias_gradient,
                  exact.bias_gradient);
  }
  return passes;
}

absl::StatusOr<bool> Compare(const Options& options) {
  nn::ConfigureRuntime(1);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const auto layers,
      DrawLayers(options.task_files, options.networks, options.seed));
  Table table(options.factor);
  for (const float mean : {0.0f, 1'000.0f}) {
    std::printf("activations of mean %g and deviation 1, batch %lld\n",
                static_cast<double>(mean),
                static_cast<long long>(options.batch));
    for (const auto& [name, layer] : layers) {
      if (layer.kind == LayerKind::kAdd) continue;  // one rounding, as anywhere
      ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<PassErrors> passes,
                                CompareLayer(layer, options.batch, mean));
      table.Add(name, passes);
    }
  }
  return table.PrintWorst();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Compares the kernels' errors with oneDNN's.");
  app.add_option("--batch", options.batch)->check(CLI::PositiveNumber);
  app.add_option("--networks", options.networks, "drawn from each file");
  app.add_option("--seed", options.seed);
  app.add_option("--factor", options.factor, "of the other's error, at most");
  app.add_option("task_files", options.task_files)->required();
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<bool> are_precise = Compare(options);
  if (!are_precise.ok()) {
    std::fprintf(stderr, "%s\n", are_precise.status().ToString().c_str());
    return 1;
  }
  return *are_precise ? 0 : 1;
}

}  // namespace
}  // namespace archpool

// An exception ends it: nothing is lost with a measurement.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) { return archpool::Main(argc, argv); }
