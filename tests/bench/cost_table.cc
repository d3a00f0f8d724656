// SPDX-License-Identifier: Apache-2.0
// Measures a cost table: the time of every kind of layer over a grid of shapes,
// alone on one thread, forward and forward plus backward, with batches of
// several sizes; and what a step costs beside. The format is explained in
// common/nas/cost_table.cc. Takes some six minutes:
//
//   cost_table > common/nas/cost_table_v3.inc
//   cost_table batch_norm                       the rows of one kind
//
// Every number is the geometric mean of what AVX2 and AVX-512 take, of which a
// miner has the one or the other: nobody's pay is far from what it is for.
//
// A table that has been in use is never edited: who measures again makes the
// next one beside it, and raises kCostTableVersion (common/nas/pricing.h).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/kernels/layer_timing.h"
#include "common/kernels/simd.h"
#include "common/nas/cost_grid.h"
#include "common/nas/cost_rows.h"
#include "tests/bench/step_time.h"
#include "tests/support/plan_builder.h"

namespace archpool {
namespace {

constexpr absl::Duration kSpan = absl::Milliseconds(6);
constexpr std::array<kernels::Simd, 2> kSimds = {kernels::Simd::kAvx2,
                                                 kernels::Simd::kAvx512};
// The most channels of a network's input: such layers need no gradient of it.
constexpr int64_t kImageChannelsMax = 3;

struct Grid {
  LayerKind kind;
  std::vector<int64_t> kernels = {1};
  std::vector<int64_t> strides = {1};
  bool depthwise = false;
  std::vector<int64_t> channels_in = {};  // empty: as many as come out
  std::vector<int64_t> channels_out = {8, 16, 32, 64, 128};
  std::vector<int64_t> pixels = {49, 196, 784};
};

std::vector<Grid> Grids() {
  const std::vector<int64_t> in = {1, 3, 8, 16, 32, 64, 128};
  const std::vector<int64_t> out = {8, 16, 32, 64, 128};
  const std::vector<int64_t> few = {16, 49, 196};
  std::vector<Grid> grids = {
      {.kind = LayerKind::kConv, .kernels = {1, 3, 5, 7}, .channels_in = in},
      {.kind = LayerKind::kConv,
       .kernels = {1, 3, 5, 7},
       .strides = {2},
       .channels_in = in,
       .pixels = few},
      {.kind = LayerKind::kConv, .kernels = {3, 5, 7}, .depthwise = true},
      {.kind = LayerKind::kConv,
       .kernels = {3, 5, 7},
       .strides = {2},
       .depthwise = true,
       .pixels = few}};
  for (const LayerKind kind : {LayerKind::kBatchNorm, LayerKind::kRelu,
                               LayerKind::kHardswish, LayerKind::kSilu}) {
    grids.push_back({.kind = kind});
  }
  for (const LayerKind kind : {LayerKind::kMaxPool, LayerKind::kAvgPool}) {
    grids.push_back({.kind = kind, .kernels = {3, 5}});
    grids.push_back(
        {.kind = kind, .kernels = {3, 5}, .strides = {2}, .pixels = few});
  }
  grids.push_back({.kind = LayerKind::kAdd});
  grids.push_back({.kind = LayerKind::kGlobalAvgPool});
  grids.push_back({.kind = LayerKind::kLinear,
                   .channels_in = {16, 32, 64, 128, 256},
                   .channels_out = {10, 100},
                   .pixels = {1}});
  return grids;
}

Layer LayerAt(const CostRow& row) {
  Layer layer;
  layer.kind = row.kind;
  layer.kernel = row.kernel;
  layer.stride = row.stride;
  layer.groups = row.depthwise ? row.channels_in : 1;
  const auto side =
      static_cast<int64_t>(std::lround(std::sqrt(double(row.pixels))));
  layer.output_shape = {row.channels_out, side, side};
  layer.input_shape = {row.channels_in, side * row.stride, side * row.stride};
  if (row.kind == LayerKind::kGlobalAvgPool) {
    layer.output_shape = {row.channels_out, 1, 1};
  } else if (row.kind == LayerKind::kConv || row.kind == LayerKind::kLinear) {
    layer.parameters = row.channels_out * (row.channels_in / layer.groups) *
                       row.kernel * row.kernel;
    layer.macs = layer.parameters * row.pixels;
  } else if (row.kind == LayerKind::kBatchNorm) {
    layer.parameters = 2 * row.channels_out;
  }
  return layer;
}

// REQUIRES: values is not empty, none negative.
double GeometricMean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

int64_t UnitsOf(const Layer& layer) {
  if (layer.macs > 0) return layer.macs;
  return std::max(layer.input_shape.elements() / (layer.stride * layer.stride),
                  layer.output_shape.elements());
}

// What is measured of a layer with one set of instructions.
struct Times {
  std::array<double, kCostBatches.size()> train_ns{};  // an example
  std::array<int64_t, kCostBatches.size()> batches{};  // as they were timed
  double evaluate_ns = 0;
};

// An activation costs little behind a batch norm and a pass of its own
// elsewhere; a layer's price does not know where it stands. Spaces hold as many
// of the ones as of the others.
double TrainNs(const kernels::LayerTiming& timing) {
  return (timing.train_ns + timing.fused_train_ns) / 2;
}

Times TimesOf(const Layer& layer, kernels::Simd simd) {
  const bool reads_images = layer.kind == LayerKind::kConv &&
                            layer.input_shape.channels <= kImageChannelsMax;
  kernels::TimingOptions options{
      .differentiates_input = !reads_images, .simd = simd, .span = kSpan};
  Times times;
  times.evaluate_ns = kernels::TimeEvaluationNs(layer, options);
  for (size_t b = 0; b < kCostBatches.size(); ++b) {
    options.batch = times.batches[b] =
        kernels::TimedBatch(layer, kCostBatches[b]);
    const bool is_known = b > 0 && times.batches[b] == times.batches[b - 1];
    times.train_ns[b] = is_known
                            ? times.train_ns[b - 1]
                            : TrainNs(kernels::TimeTraining(layer, options));
  }
  return times;
}

// What one set of instructions takes, in the units of StepCosts.
struct StepTimes {
  double step_ns = 0;
  double layer_ns = 0;
  double parameter_ps = 0;
};

// A step of one example, of layers that have next to nothing to do.
absl::StatusOr<StepTimes> TimeStep(kernels::Simd simd) {
  const auto time = [simd](LayerKind kind, int64_t channels, int64_t kernel) {
    const Layer layer =
        LayerAt({kind, kernel, 1, false, channels, channels, 1, 0, 0});
    return TrainNs(kernels::TimeTraining(
        layer, {.batch = 1, .simd = simd, .span = 10 * kSpan}));
  };
  constexpr int64_t kFew = 8;
  constexpr int64_t kMany = 64;
  constexpr int64_t kKernel = 3;
  const double conv_ns = time(LayerKind::kConv, kFew, 1);
  // As many of the one as of the others make a network.
  const double layer_ns = (conv_ns + time(LayerKind::kBatchNorm, kFew, 1) +
                           time(LayerKind::kRelu, kFew, 1)) /
                          3;
  const double parameter_ns =
      (time(LayerKind::kConv, kMany, kKernel) - conv_ns) /
      (kMany * kMany * kKernel * kKernel);
  testing::PlanBuilder smallest({kFew, 1, 1}, 2);
  smallest.GlobalAvgPool();
  smallest.Linear();
  ARCHPOOL_ASSIGN_OR_RETURN(const double step_ns, StepNs(smallest.plan(), {}, 1,
                                                         0.3, {.simd = simd}));
  return StepTimes{.step_ns = std::max(0.0, step_ns - 2 * layer_ns),
                   .layer_ns = layer_ns,
                   .parameter_ps = std::max(0.0, parameter_ns * 1000)};
}

// What remains of a layer's time without its part of the step's, of an example.
// Where that is nearly all, a small part: what is measured has errors.
double RestNs(double train_ns, int64_t batch, const Layer& layer,
              const StepTimes& step) {
  const double of_step =
      step.layer_ns +
      step.parameter_ps * static_cast<double>(layer.parameters) / 1000;
  return std::max(train_ns - of_step / static_cast<double>(batch),
                  train_ns / 10);
}

std::string Measure(const CostRow& row, const std::vector<StepTimes>& steps) {
  const Layer layer = LayerAt(row);
  std::vector<double> evaluate;
  std::array<std::vector<double>, kCostBatches.size()> train;
  for (size_t i = 0; i < kSimds.size(); ++i) {
    const Times times = TimesOf(layer, kSimds[i]);
    evaluate.push_back(times.evaluate_ns);
    for (size_t b = 0; b < kCostBatches.size(); ++b) {
      train[b].push_back(
          RestNs(times.train_ns[b], times.batches[b], layer, steps[i]));
    }
  }
  const auto rate_fs = [&](const std::vector<double>& times_ns) {
    const double rate =
        GeometricMean(times_ns) * 1e6 / static_cast<double>(UnitsOf(layer));
    return std::clamp<int64_t>(std::llround(rate), 1, kCostRateMax);
  };
  std::vector<int64_t> train_fs;
  for (const auto& of_batch : train) train_fs.push_back(rate_fs(of_batch));
  // Evaluation folds batch norms into the convolutions before them.
  const int64_t evaluate_fs =
      row.kind == LayerKind::kBatchNorm ? 1 : rate_fs(evaluate);
  return absl::StrCat(row.kernel, ", ", row.stride, ", ",
                      row.depthwise ? "true" : "false", ", ", row.channels_in,
                      ", ", row.channels_out, ", ", row.pixels, ", {",
                      absl::StrJoin(train_fs, ", "), "}, ", evaluate_fs);
}

// LayerKind::kBatchNorm for "batch_norm".
std::string EnumeratorOf(LayerKind kind) {
  std::string name = "LayerKind::k";
  for (const absl::string_view word : absl::StrSplit(ToString(kind), '_')) {
    std::string capitalized(word);
    capitalized[0] =
        absl::ascii_toupper(static_cast<unsigned char>(capitalized[0]));
    name += capitalized;
  }
  return name;
}

// In the order in which the table wants them.
std::vector<CostRow> RowsOf(const Grid& grid, int64_t kernel, int64_t stride) {
  std::vector<CostRow> rows;
  const auto add = [&](int64_t in, int64_t out) {
    for (const int64_t pixels : grid.pixels) {
      rows.push_back(
          {grid.kind, kernel, stride, grid.depthwise, in, out, pixels, 0, 0});
    }
  };
  if (grid.channels_in.empty()) {
    for (const int64_t channels : grid.channels_out) add(channels, channels);
  }
  for (const int64_t in : grid.channels_in) {
    for (const int64_t out : grid.channels_out) add(in, out);
  }
  return rows;
}

void PrintGrid(const Grid& grid, const std::vector<StepTimes>& steps) {
  const std::string kind = EnumeratorOf(grid.kind);
  for (const int64_t stride : grid.strides) {
    for (const int64_t kernel : grid.kernels) {
      for (const CostRow& row : RowsOf(grid, kernel, stride)) {
        std::printf("{%s, %s},\n", kind.c_str(), Measure(row, steps).c_str());
      }
    }
  }
  std::fflush(stdout);
}

std::string ProcessorName() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("model name", 0) == 0) {
      return line.substr(line.find(':') + 2);
    }
  }
  return "a processor that does not say its name";
}

absl::StatusOr<std::vector<StepTimes>> TimeSteps() {
  const std::vector<kernels::Simd>& here = kernels::SimdsHere();
  std::vector<StepTimes> steps;
  for (const kernels::Simd simd : kSimds) {
    if (std::find(here.begin(), here.end(), simd) == here.end()) {
      return FailedPrecondition(
          "MACHINE_UNFIT",
          absl::StrCat("this processor lacks ", kernels::ToString(simd),
                       ", and the table is the mean of several sets of "
                       "instructions: measure it on one that has them all"));
    }
    ARCHPOOL_ASSIGN_OR_RETURN(steps.emplace_back(), TimeStep(simd));
  }
  return steps;
}

void PrintSteps(const std::vector<StepTimes>& steps) {
  const auto mean = [&](double StepTimes::*field) {
    std::vector<double> values;
    for (const StepTimes& step : steps) {
      values.push_back(std::max(step.*field, 1.0));
    }
    return std::llround(GeometricMean(values));
  };
  std::printf(
      "constexpr StepCosts kStepCosts = {\n"
      "    .step_ns = %lld, .layer_ns = %lld, .parameter_ps = %lld};\n",
      mean(&StepTimes::step_ns), mean(&StepTimes::layer_ns),
      mean(&StepTimes::parameter_ps));
}

int Main(const std::string& only) {
  const absl::StatusOr<std::vector<StepTimes>> steps = TimeSteps();
  if (!steps.ok()) {
    std::fprintf(stderr, "%s\n", steps.status().ToString().c_str());
    return 1;
  }
  std::printf(
      "// SPDX-License-Identifier: Apache-2.0\n"
      "// clang-format off\n"
      "// Measured by tests/bench/cost_table on one core of %s.\n"
      "// The format is explained in cost_table.cc.\n",
      ProcessorName().c_str());
  PrintSteps(*steps);
  std::printf("constexpr BatchedRow kMeasured[] = {\n");
  for (const Grid& grid : Grids()) {
    if (!only.empty() && only != ToString(grid.kind)) continue;
    PrintGrid(grid, *steps);
  }
  std::printf("};\n");
  return 0;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  return archpool::Main(argc > 1 ? argv[1] : "");
}
