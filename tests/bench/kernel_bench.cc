// SPDX-License-Identifier: Apache-2.0
// How fast the kernels multiply, beside oneDNN and BLAS through ATen and beside
// what the core can do at most: every convolution and linear layer of networks
// drawn from task files' spaces, forward, by the input and by the weights.
//
//   kernel_bench [--simd avx2] [--batch N] [--networks N] [--only NAME]
//                TASK_FILE…
//
// One line a layer: GFLOP/s of kernels, the part of the peak, and the ratio to
// oneDNN; then the geometric means. One thread.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "common/kernels/inner/network_plan.h"
#include "common/kernels/inner/parameters.h"
#include "common/kernels/inner/product.h"
#include "common/kernels/inner/table.h"
#include "common/nn/product_timing.h"
#include "common/nn/trial.h"
#include "tests/bench/draw_layers.h"

namespace archpool {
namespace {

using namespace kernels;  // NOLINT: a program about nothing else

struct Options {
  std::vector<std::string> task_files;
  std::string simd;
  std::string only;
  int64_t batch = 64;
  int networks = 40;
  uint64_t seed = 1;
};

double ProcessorSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) / 1e9;
}

// The best of several runs in turn with each other: what disturbs one of them
// disturbs all.
std::vector<double> BestSeconds(
    const std::vector<std::function<void()>>& calls) {
  constexpr int kRounds = 5;
  constexpr double kRoundSeconds = 0.004;
  std::vector<double> best(calls.size(), 1e9);
  for (const auto& call : calls) call();
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < calls.size(); ++i) {
      const double start = ProcessorSeconds();
      double now = start;
      int64_t runs = 0;
      while (now - start < kRoundSeconds) {
        calls[i]();
        ++runs;
        now = ProcessorSeconds();
      }
      best[i] = std::min(best[i], (now - start) / static_cast<double>(runs));
    }
  }
  return best;
}

double PeakGflops(const KernelTable& kernels) {
  constexpr int64_t kRounds = 2'000'000;
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double start = ProcessorSeconds();
    const double operations = kernels.peak(kRounds);
    best = std::max(best, operations / (ProcessorSeconds() - start) / 1e9);
  }
  return best;
}

// One layer with maps of its own, as a network would have them.
class KernelCalls {
 public:
  KernelCalls(const Layer& layer, const Context& context, bool reads_images)
      : context_(context),
        in_layout_{.shape = layer.input_shape,
                   .border = Border(layer),
                   .is_image = reads_images},
        out_layout_{.shape = layer.output_shape, .border = Border(layer)},
        gradient_strides_(out_layout_.strides()),
        product_(layer, in_layout_.strides(), &gradient_strides_) {
    const int64_t batch = context.batch;
    for (auto* memory : {&in_, &of_input_}) {
      memory->resize(static_cast<size_t>(in_layout_.floats(batch)));
    }
    for (auto* memory : {&out_, &gradient_}) {
      memory->resize(static_cast<size_t>(out_layout_.floats(batch)));
    }
    CounterRng rng(1, 1);
    for (float& value : in_) value = rng.NextUnitFloat() - 0.5f;
    for (float& value : gradient_) value = rng.NextUnitFloat() - 0.5f;
    const bool is_linear = layer.kind == LayerKind::kLinear;
    const TensorLayout tensor{
        .outputs = layer.output_shape.channels,
        .inputs = layer.groups > 1 ? 1 : layer.input_shape.channels,
        .taps = is_linear ? layer.input_shape.height * layer.input_shape.width
                          : layer.kernel * layer.kernel};
    weights_.resize(static_cast<size_t>(tensor.floats() + kSlack), 0.01f);
    sums_.resize(weights_.size());
    scratch_.resize(static_cast<size_t>(product_.ScratchFloats(batch)));
  }

  void Forward() {
    product_.Forward(context_, View(in_layout_, in_), weights_.data(), nullptr,
                     View(out_layout_, out_));
  }
  void InputGradient() {
    product_.Turn(context_, weights_.data());
    product_.InputGradient(context_, View(out_layout_, gradient_),
                           View(in_layout_, of_input_));
  }
  void WeightGradient() {
    product_.WeightGradient(context_, View(in_layout_, in_),
                            View(out_layout_, gradient_), scratch_.data(),
                            sums_.data());
  }

 private:
  static int64_t Border(const Layer& layer) {
    return layer.kind == LayerKind::kLinear ? 0 : PaddingOf(layer);
  }
  static MapView View(const MapLayout& layout, AlignedFloats& memory) {
    return {.at = memory.data() + layout.origin(),
            .strides = layout.strides(),
            .shape = layout.shape};
  }

  const Context context_;
  const MapLayout in_layout_;
  const MapLayout out_layout_;
  const Strides gradient_strides_;
  Product product_;
  AlignedFloats in_;
  AlignedFloats of_input_;
  AlignedFloats out_;
  AlignedFloats gradient_;
  AlignedFloats weights_;
  AlignedFloats sums_;
  AlignedFloats scratch_;
};

struct Means {
  void Add(double ratio) {
    logarithms += std::log(ratio);
    least = std::min(least, ratio);
    ++count;
  }
  double mean() const { return std::exp(logarithms / count); }
  double logarithms = 0;
  double least = 1e9;
  int count = 0;
};

absl::Status Measure(const Options& options) {
  nn::ConfigureRuntime(1);
  const std::optional<Simd> forced = ParseSimd(options.simd);
  const Simd simd = forced.value_or(WidestSimd());
  const KernelTable& kernels = TableOf(simd);
  Team team(1);
  const double peak = PeakGflops(kernels);
  std::printf("%s, peak %.1f GFLOP/s, batch %lld\n", ToString(simd), peak,
              static_cast<long long>(options.batch));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const auto layers,
      DrawLayers(options.task_files, options.networks, options.seed));
  const char* const kPasses[] = {"forward", "by input", "by weights"};
  std::map<std::string, Means> means;
  for (const auto& [name, layer] : layers) {
    if (layer.kind != LayerKind::kConv && layer.kind != LayerKind::kLinear) {
      continue;
    }
    if (name.compare(0, options.only.size(), options.only) != 0) continue;
    const bool reads_images = layer.input_shape.channels < 4;
    KernelCalls ours(layer, {kernels, team, options.batch}, reads_images);
    ARCHPOOL_ASSIGN_OR_RETURN(const nn::ProductCalls theirs,
                              nn::MakeProductCalls(layer, options.batch));
    const std::vector<double> best =
        BestSeconds({[&] { ours.Forward(); }, theirs.forward,
                     [&] { ours.InputGradient(); }, theirs.input_gradient,
                     [&] { ours.WeightGradient(); }, theirs.weight_gradient});
    const double operations = 2.0 * static_cast<double>(layer.macs) *
                              static_cast<double>(options.batch);
    std::printf("%-34s", name.c_str());
    for (size_t pass = 0; pass < 3; ++pass) {
      if (pass == 1 && reads_images) continue;
      const double ratio = best[2 * pass + 1] / best[2 * pass];
      const double gflops = operations / best[2 * pass] / 1e9;
      std::printf("  %6.1f %.2f %5.2fx", gflops, gflops / peak, ratio);
      means["all"].Add(ratio);
      means[kPasses[pass]].Add(ratio);
      means[name.substr(0, name.find(' ')) + " " + kPasses[pass]].Add(ratio);
    }
    std::printf("\n");
  }
  for (const auto& [name, of] : means) {
    std::printf("%-24s %4d layers, geometric mean %.2fx, least %.2fx\n",
                name.c_str(), of.count, of.mean(), of.least);
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Times kernels beside oneDNN.");
  app.add_option("--simd", options.simd);
  app.add_option("--batch", options.batch);
  app.add_option("--networks", options.networks);
  app.add_option("--seed", options.seed);
  app.add_option("--only", options.only, "layers whose names begin so");
  app.add_option("task_files", options.task_files)->required();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = Measure(options);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) { return archpool::Main(argc, argv); }
