// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/product.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "common/kernels/arithmetic.h"
#include "common/kernels/inner/parameters.h"

namespace archpool::kernels {
namespace {

// A linear layer is a convolution of one pixel whose taps are the input's.
std::vector<int64_t> PixelTaps(const TensorShape& shape, const Strides& in) {
  std::vector<int64_t> offsets;
  for (int64_t y = 0; y < shape.height; ++y) {
    for (int64_t x = 0; x < shape.width; ++x) {
      offsets.push_back(y * in.row + x * in.column);
    }
  }
  return offsets;
}

// Taps that follow each other in memory are one tap of more channels.
void MergeTaps(int64_t run, std::vector<int64_t>& taps, int64_t& depth) {
  for (size_t i = 0; i < taps.size(); ++i) {
    if (static_cast<int64_t>(i) % run == 0) continue;
    if (taps[i] != taps[i - 1] + depth) return;
  }
  std::vector<int64_t> merged;
  for (size_t i = 0; i < taps.size(); i += static_cast<size_t>(run)) {
    merged.push_back(taps[i]);
  }
  taps = std::move(merged);
  depth *= run;
}

Grid GridOf(const TensorShape& shape) {
  return {.columns = shape.width, .rows = shape.height};
}

// Whether these examples of two maps are more than a core's own cache holds.
bool FitNoCache(int64_t examples, const Strides& one, const Strides& other) {
  constexpr int64_t kCacheFloats = int64_t{1} << 20;
  return examples * (one.example + other.example) > kCacheFloats;
}

// Makes examples [first, end) zero, without the border.
void ClearExamples(const MapView& map, int64_t first, int64_t end) {
  for (int64_t n = first; n < end; ++n) {
    for (int64_t y = 0; y < map.shape.height; ++y) {
      float* row = map.at + n * map.strides.example + y * map.strides.row;
      std::fill_n(row, map.shape.width * map.strides.column, 0.0f);
    }
  }
}

}  // namespace

Product::Product(const Layer& layer, const Strides& in, const Strides* gradient)
    : layer_(layer),
      depth_(is_depthwise() ? 1 : layer.input_shape.channels),
      weights_stride_(RoundUp(layer.output_shape.channels, kWeightStep)) {
  if (layer.kind == LayerKind::kLinear) {
    taps_ = PixelTaps(layer.input_shape, in);
    MergeTaps(layer.input_shape.width, taps_, depth_);
    if (layer.input_shape.height > 1) {
      MergeTaps(static_cast<int64_t>(taps_.size()), taps_, depth_);
    }
  } else {
    taps_ = ForwardTaps(layer, in);
    if (!is_depthwise()) MergeTaps(layer.kernel, taps_, depth_);
  }
  if (gradient == nullptr) return;
  if (layer.kind == LayerKind::kLinear) {
    // Every pixel of the input has one tap of its own.
    for (int64_t y = 0; y < layer.input_shape.height; ++y) {
      for (int64_t x = 0; x < layer.input_shape.width; ++x) {
        GradientPhase phase{.row = y, .column = x};
        phase.kernel_taps.push_back(y * layer.input_shape.width + x);
        phase.offsets.push_back(0);
        phases_.push_back(std::move(phase));
      }
    }
  } else {
    phases_ = GradientPhases(layer, *gradient);
  }
  turned_stride_ = RoundUp(layer.input_shape.channels, kWeightStep);
  size_t taps = 0;
  for (const GradientPhase& phase : phases_) taps += phase.kernel_taps.size();
  const int64_t rows = is_depthwise() ? 1 : layer.output_shape.channels;
  turned_.resize(taps * static_cast<size_t>(rows * turned_stride_));
}

int64_t Product::weight_floats() const {
  return static_cast<int64_t>(taps_.size()) * depth_ * weights_stride_;
}

int64_t Product::OwnFloats() const {
  return static_cast<int64_t>(turned_.size());
}

void Product::Forward(const Context& context, const MapView& in,
                      const float* weights, const float* last,
                      const MapView& out, bool rectifies) const {
  Strides steps = in.strides;
  steps.row *= layer_.stride;
  steps.column *= layer_.stride;
  context.team.RunRanges(context.batch, [&](int64_t first, int64_t end) {
    Grid grid = GridOf(layer_.output_shape);
    grid.examples = end - first;
    const float* from = in.at + first * steps.example;
    float* to = out.at + first * out.strides.example;
    const Taps taps{taps_.data(), static_cast<int64_t>(taps_.size())};
    if (is_depthwise()) {
      context.kernels.depthwise(
          {.grid = grid,
           .in = from,
           .in_strides = steps,
           .out = to,
           .out_strides = out.strides,
           .taps = taps,
           .weights = weights,
           .weights_stride = weights_stride_,
           .channels = layer_.output_shape.channels,
           .last = last,
           .fetches = FitNoCache(grid.examples, in.strides, out.strides)});
      return;
    }
    context.kernels.dense({.grid = grid,
                           .in = from,
                           .in_strides = steps,
                           .out = to,
                           .out_strides = out.strides,
                           .taps = taps,
                           .depth = depth_,
                           .weights = weights,
                           .weights_stride = weights_stride_,
                           .outputs = layer_.output_shape.channels,
                           .last = last,
                           .rectifies = rectifies});
  });
}

void Product::Turn(const Context& context, const float* weights) {
  const int64_t inputs = is_depthwise() ? 1 : layer_.input_shape.channels;
  const int64_t outputs = layer_.output_shape.channels;
  const int64_t rows = is_depthwise() ? 1 : outputs;
  const auto turn = [&](int64_t first, int64_t end) {
    int64_t index = 0;
    for (const GradientPhase& phase : phases_) {
      for (const int64_t tap : phase.kernel_taps) {
        const int64_t turned_tap = index++;
        if (turned_tap < first || turned_tap >= end) continue;
        const float* from = weights + tap * inputs * weights_stride_;
        float* to = turned_.data() + turned_tap * rows * turned_stride_;
        if (is_depthwise()) {
          std::copy(from, from + weights_stride_, to);
          continue;
        }
        for (int64_t o = 0; o < outputs; ++o) {
          for (int64_t i = 0; i < inputs; ++i) {
            to[o * turned_stride_ + i] = from[i * weights_stride_ + o];
          }
        }
      }
    }
  };
  context.team.RunRanges(
      static_cast<int64_t>(turned_.size()) / (rows * turned_stride_), turn);
}

void Product::InputGradient(const Context& context, const MapView& gradient,
                            const MapView& out) const {
  // The phases of a convolution with a stride come back to the same memory: a
  // part of a cache each time.
  constexpr int64_t kFloatsAtOnce = 64 * 1024;
  const bool is_one = layer_.kind == LayerKind::kLinear || phases_.size() == 1;
  const int64_t at_once =
      is_one ? context.batch
             : std::max<int64_t>(1, kFloatsAtOnce / out.strides.example);
  context.team.RunRanges(context.batch, [&](int64_t first, int64_t end) {
    for (int64_t n = first; n < end; n += at_once) {
      InputGradientOf(context.kernels, n, std::min(n + at_once, end), gradient,
                      out);
    }
  });
}

void Product::InputGradientOf(const KernelTable& kernels, int64_t first,
                              int64_t end, const MapView& gradient,
                              const MapView& out) const {
  const bool is_linear = layer_.kind == LayerKind::kLinear;
  const int64_t rows = is_depthwise() ? 1 : layer_.output_shape.channels;
  Strides out_steps = out.strides;
  if (!is_linear) {
    out_steps.row *= layer_.stride;
    out_steps.column *= layer_.stride;
  }
  const bool clears = layer_.kernel < layer_.stride && !is_linear;
  if (clears) ClearExamples(out, first, end);
  const float* turned = turned_.data();
  for (const GradientPhase& phase : phases_) {
    if (clears && phase.offsets.empty()) continue;
    Grid grid = phase.grid;
    grid.examples = end - first;
    const Taps taps{phase.offsets.data(),
                    static_cast<int64_t>(phase.offsets.size())};
    const float* from = gradient.at + first * gradient.strides.example;
    float* to = out.at + first * out.strides.example +
                phase.row * out.strides.row + phase.column * out.strides.column;
    if (is_depthwise()) {
      kernels.depthwise({.grid = grid,
                         .in = from,
                         .in_strides = gradient.strides,
                         .out = to,
                         .out_strides = out_steps,
                         .taps = taps,
                         .weights = turned,
                         .weights_stride = turned_stride_,
                         .channels = layer_.input_shape.channels,
                         .fetches = FitNoCache(grid.examples, gradient.strides,
                                               out.strides)});
    } else {
      kernels.dense({.grid = grid,
                     .in = from,
                     .in_strides = gradient.strides,
                     .out = to,
                     .out_strides = out_steps,
                     .taps = taps,
                     .depth = layer_.output_shape.channels,
                     .weights = turned,
                     .weights_stride = turned_stride_,
                     .outputs = layer_.input_shape.channels});
    }
    turned += taps.count * rows * turned_stride_;
  }
}

Blocking Product::BlockingOf(int64_t batch) const {
  const TensorShape& out = layer_.output_shape;
  const int64_t biases = layer_.kind == LayerKind::kLinear ? out.channels : 0;
  return {batch, out.height * out.width, layer_.parameters - biases};
}

int64_t Product::ScratchFloats(int64_t batch) const {
  return 2 * BlockingOf(batch).blocks * weight_floats();
}

// Those that have an example.
int64_t Product::BlocksOf(int64_t batch) const {
  const int64_t examples = ExamplesPerBlock(batch);
  return (batch + examples - 1) / examples;
}

int64_t Product::divisible() const {
  const auto taps = static_cast<int64_t>(taps_.size());
  return taps > 1 ? taps : depth_;
}

void Product::SumPart(const KernelTable& kernels, int64_t batch,
                      const BlockPart& part, const MapView& in,
                      const MapView& gradient, float* scratch, float* sums,
                      bool fetches) const {
  const TensorShape& out = layer_.output_shape;
  const int64_t examples = ExamplesPerBlock(batch);
  const int64_t block = part.first / examples;
  const int64_t first = divisible() * part.share / part.shares;
  const int64_t count = divisible() * (part.share + 1) / part.shares - first;
  const bool by_taps = taps_.size() > 1;
  const int64_t skipped = first * (by_taps ? depth_ : 1) * weights_stride_;
  const int64_t floats = weight_floats();
  DenseSumsPass pass;
  pass.columns = out.width;
  pass.rows_per_example = out.height;
  pass.block_first_row = block * examples * out.height;
  pass.block_end_row = std::min((block + 1) * examples, batch) * out.height;
  pass.first_row = part.first * out.height;
  pass.end_row = part.end * out.height;
  pass.rows_per_run = std::max<int64_t>(1, kRunPixels / out.width);
  pass.in = in.at + (by_taps ? 0 : first);
  pass.in_strides = in.strides;
  pass.in_strides.row *= layer_.stride;
  pass.in_strides.column *= layer_.stride;
  pass.gradient = gradient.at;
  pass.gradient_strides = gradient.strides;
  pass.taps =
      by_taps ? Taps{taps_.data() + first, count} : Taps{taps_.data(), 1};
  pass.depth = by_taps ? depth_ : count;
  pass.outputs = out.channels;
  pass.sums =
      (BlocksOf(batch) == 1 ? sums : scratch + 2 * block * floats) + skipped;
  pass.sums_stride = weights_stride_;
  pass.scratch = scratch + (2 * block + 1) * floats + skipped;
  pass.fetches = fetches;
  if (is_depthwise()) {
    kernels.depthwise_sums(pass);
  } else {
    kernels.dense_sums(pass);
  }
}

void Product::SumExamples(const KernelTable& kernels, int64_t batch,
                          int64_t first, int64_t end, const MapView& in,
                          const MapView& gradient, float* scratch,
                          float* sums) const {
  const int64_t examples = ExamplesPerBlock(batch);
  while (first < end) {
    const int64_t next = std::min(end, (first / examples + 1) * examples);
    SumPart(kernels, batch, {.first = first, .end = next}, in, gradient,
            scratch, sums, /*fetches=*/false);
    first = next;
  }
}

void Product::AddBlocks(const Context& context, float* scratch,
                        float* sums) const {
  const int64_t blocks = BlocksOf(context.batch);
  if (blocks == 1) return;
  const int64_t floats = weight_floats();
  context.team.RunRanges(floats / kWeightStep, [&](int64_t first, int64_t end) {
    for (int64_t d = 1; d < blocks; d *= 2) {
      for (int64_t b = 0; b + d < blocks; b += 2 * d) {
        float* to = scratch + 2 * b * floats;
        const float* from = scratch + 2 * (b + d) * floats;
        for (int64_t i = first * kWeightStep; i < end * kWeightStep; ++i) {
          to[i] = to[i] + from[i];
        }
      }
    }
    std::copy(scratch + first * kWeightStep, scratch + end * kWeightStep,
              sums + first * kWeightStep);
  });
}

void Product::WeightGradient(const Context& context, const MapView& in,
                             const MapView& gradient, float* scratch,
                             float* sums) const {
  const int64_t examples = ExamplesPerBlock(context.batch);
  const int64_t blocks = BlocksOf(context.batch);
  const bool fetches = FitNoCache(context.batch, in.strides, gradient.strides);
  // How many threads share a block.
  const int64_t shares =
      std::min(divisible(), (context.team.threads() + blocks - 1) / blocks);
  context.team.Run(blocks * shares, [&](int64_t part) {
    const int64_t first = part / shares * examples;
    SumPart(context.kernels, context.batch,
            {.first = first,
             .end = std::min(first + examples, context.batch),
             .share = part % shares,
             .shares = shares},
            in, gradient, scratch, sums, fetches);
  });
  AddBlocks(context, scratch, sums);
}

}  // namespace archpool::kernels
