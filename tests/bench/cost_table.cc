// Measures a cost table: the time of every kind of layer over a grid of shapes,
// alone on one thread, forward and forward plus backward. The format is
// explained in common/nas/cost_table.cc. Takes about three minutes:
//
//   cost_table > common/nas/cost_table_v2.inc
//   cost_table batch_norm                       the rows of one kind
//
// A table that has been in use is never edited: whoever measures anew makes the
// next one beside it, and raises kCostTableVersion.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/kernels/layer_timing.h"
#include "common/kernels/simd.h"
#include "common/nas/cost_grid.h"

namespace archpool {
namespace {

constexpr absl::Duration kSpan = absl::Milliseconds(15);
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
    layer.macs = row.channels_out * (row.channels_in / layer.groups) *
                 row.kernel * row.kernel * row.pixels;
  }
  return layer;
}

int64_t UnitsOf(const Layer& layer) {
  if (layer.macs > 0) return layer.macs;
  return std::max(layer.input_shape.elements() / (layer.stride * layer.stride),
                  layer.output_shape.elements());
}

std::string Measure(CostRow row) {
  const Layer layer = LayerAt(row);
  const bool reads_images =
      row.kind == LayerKind::kConv && row.channels_in <= kImageChannelsMax;
  const kernels::LayerTiming timing = kernels::TimeLayer(
      layer, {.differentiates_input = !reads_images, .span = kSpan});
  const auto rate_fs = [&](double time_ns) {
    const double rate = time_ns * 1e6 / static_cast<double>(UnitsOf(layer));
    return std::clamp<int64_t>(std::llround(rate), 1, kCostRateMax);
  };
  // An activation costs little behind a batch norm and a pass of its own
  // elsewhere; a layer's price does not know where it stands. Spaces hold as
  // many of the ones as of the others.
  row.train_fs = rate_fs((timing.train_ns + timing.fused_train_ns) / 2);
  row.evaluate_fs = rate_fs(timing.evaluate_ns);
  // Evaluation folds batch norms into the convolutions before them.
  if (row.kind == LayerKind::kBatchNorm) row.evaluate_fs = 1;
  return absl::StrCat(row.kernel, ", ", row.stride, ", ",
                      row.depthwise ? "true" : "false", ", ", row.channels_in,
                      ", ", row.channels_out, ", ", row.pixels, ", ",
                      row.train_fs, ", ", row.evaluate_fs);
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

void PrintGrid(const Grid& grid) {
  const std::string kind = EnumeratorOf(grid.kind);
  for (const int64_t stride : grid.strides) {
    for (const int64_t kernel : grid.kernels) {
      for (const CostRow& row : RowsOf(grid, kernel, stride)) {
        std::printf("{%s, %s},\n", kind.c_str(), Measure(row).c_str());
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

int Main(const std::string& only) {
  std::printf(
      "// clang-format off\n"
      "// Measured by tests/bench/cost_table on one core of %s.\n"
      "// The format is explained in cost_table.cc.\n",
      ProcessorName().c_str());
  for (const Grid& grid : Grids()) {
    if (!only.empty() && only != ToString(grid.kind)) continue;
    PrintGrid(grid);
  }
  return 0;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  return archpool::Main(argc > 1 ? argv[1] : "");
}
