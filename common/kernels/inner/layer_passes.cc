// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/layer_passes.h"

#include <cstddef>
#include <cstring>

namespace archpool::kernels {
namespace {

Grid GridOf(const TensorShape& shape, int64_t examples) {
  return {.columns = shape.width, .rows = shape.height, .examples = examples};
}

// Examples from `first` on.
float* From(const MapView& map, int64_t first) {
  return map.at + first * map.strides.example;
}

PointwisePass PointwiseOf(LayerKind kind, const MapView& in,
                          const MapView& second, const MapView& out,
                          int64_t first, int64_t end) {
  PointwisePass pass;
  pass.grid = GridOf(out.shape, end - first);
  pass.kind = kind;
  pass.in = From(in, first);
  pass.in_strides = in.strides;
  if (second.at != nullptr) {
    pass.second = From(second, first);
    pass.second_strides = second.strides;
  }
  pass.out = From(out, first);
  pass.out_strides = out.strides;
  pass.channels = out.shape.channels;
  return pass;
}

}  // namespace

void CopyMap(const Context& context, const MapView& from, const MapView& to) {
  context.team.RunRanges(context.batch, [&](int64_t first, int64_t end) {
    const auto row_bytes =
        static_cast<size_t>(from.shape.width * from.strides.column) *
        sizeof(float);
    for (int64_t n = first; n < end; ++n) {
      for (int64_t y = 0; y < from.shape.height; ++y) {
        std::memcpy(From(to, n) + y * to.strides.row,
                    From(from, n) + y * from.strides.row, row_bytes);
      }
    }
  });
}

void PointwiseAll(const Context& context, LayerKind kind, const MapView& in,
                  const MapView& second, const MapView& out) {
  context.team.RunRanges(context.batch, [&](int64_t first, int64_t end) {
    context.kernels.pointwise(PointwiseOf(kind, in, second, out, first, end));
  });
}

void ActivationGradientAll(const Context& context, LayerKind kind,
                           const MapView& in, const MapView& gradient,
                           const MapView& out) {
  context.team.RunRanges(context.batch, [&](int64_t first, int64_t end) {
    context.kernels.activation_gradient(
        PointwiseOf(kind, in, gradient, out, first, end));
  });
}

void PoolAll(const Context& context, const Layer& layer, const MapView& in,
             const MapView& out) {
  context.team.RunRanges(context.batch, [&](int64_t first, int64_t end) {
    PoolPass pass;
    pass.layer = layer;
    pass.examples = end - first;
    pass.in = From(in, first);
    pass.in_strides = in.strides;
    pass.out = From(out, first);
    pass.out_strides = out.strides;
    context.kernels.pool(pass);
  });
}

void PoolGradientAll(const Context& context, const Layer& layer,
                     const MapView& in, const MapView& gradient,
                     const MapView& out) {
  context.team.RunRanges(context.batch, [&](int64_t first, int64_t end) {
    PoolPass pass;
    pass.layer = layer;
    pass.examples = end - first;
    pass.in = From(in, first);
    pass.in_strides = in.strides;
    pass.gradient = From(gradient, first);
    pass.gradient_strides = gradient.strides;
    pass.in_gradient = From(out, first);
    pass.in_gradient_strides = out.strides;
    context.kernels.pool_gradient(pass);
  });
}

void NormalizeAll(const Context& context, const MapView& in, const MapView& out,
                  const NormLine& line, LayerKind activation) {
  context.team.RunRanges(context.batch, [&](int64_t first, int64_t end) {
    NormPass pass;
    pass.grid = GridOf(in.shape, end - first);
    pass.in = From(in, first);
    pass.in_strides = in.strides;
    pass.out = From(out, first);
    pass.out_strides = out.strides;
    pass.channels = in.shape.channels;
    pass.mean = line.mean;
    pass.factor = line.factor;
    pass.shift = line.shift;
    pass.activation = activation;
    context.kernels.norm(pass);
  });
}

}  // namespace archpool::kernels
