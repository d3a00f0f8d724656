// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/network_norm.h"

#include <algorithm>

namespace archpool::kernels {

void Network::ForwardNorm(size_t index) {
  const Unit& unit = plan_.units()[index];
  const MapView in = Output(unit.input);
  const MapView out = Output(static_cast<int>(unit.output));
  const int64_t channels = in.shape.channels;
  Norm& norm = *norms_[index];
  context_.team.Run(norm.blocks, [&](int64_t block) {
    const int64_t first = block * norm.block_rows;
    NormSumsPass pass;
    pass.rows = std::min(norm.block_rows, norm.rows - first);
    pass.in = in.at + first * in.strides.column;
    pass.stride = in.strides.column;
    pass.channels = channels;
    pass.origin = in.at;
    pass.sums = norm.sums.data() + block * norm.stride;
    pass.squares = norm.products.data() + block * norm.stride;
    context_.kernels.norm_sums(pass);
  });
  const TensorPlace& mean = parameters_.PlaceOf(unit.layer, "running_mean");
  const TensorPlace& variance = parameters_.PlaceOf(unit.layer, "running_var");
  const float* shift = parameters_.At(parameters_.PlaceOf(unit.layer, "bias"));
  NormStatistics statistics;
  statistics.channels = channels;
  statistics.sums = norm.Sums();
  statistics.origin = in.at;
  statistics.scale = parameters_.At(parameters_.PlaceOf(unit.layer, "weight"));
  statistics.running_mean = parameters_.At(mean);
  statistics.running_variance = parameters_.At(variance);
  statistics.mean = norm.mean();
  statistics.inverse = norm.inverse();
  statistics.factor = norm.factor();
  statistics.next_running_mean = parameters_.Next(mean);
  statistics.next_running_variance = parameters_.Next(variance);
  if (!FinishNorm(statistics)) running_is_finite_ = false;
  NormalizeAll(context_, in, out,
               {.mean = norm.mean(), .factor = norm.factor(), .shift = shift},
               unit.activation);
}

void Network::BackwardNorm(size_t index, const MapView& out) {
  const Unit& unit = plan_.units()[index];
  const MapView in = Output(unit.input);
  const MapView gradient = Gradient(static_cast<int>(unit.output));
  const int64_t channels = in.shape.channels;
  Norm& norm = *norms_[index];
  const TensorPlace& scale = parameters_.PlaceOf(unit.layer, "weight");
  const TensorPlace& shift = parameters_.PlaceOf(unit.layer, "bias");
  context_.team.Run(norm.blocks, [&](int64_t block) {
    const int64_t first = block * norm.block_rows;
    NormGradientSumsPass pass;
    pass.rows = std::min(norm.block_rows, norm.rows - first);
    pass.in = in.at + first * in.strides.column;
    pass.gradient = gradient.at + first * in.strides.column;
    pass.stride = in.strides.column;
    pass.channels = channels;
    pass.mean = norm.mean();
    pass.factor = norm.factor();
    pass.shift = parameters_.At(shift);
    pass.activation = unit.activation;
    pass.sums = norm.sums.data() + block * norm.stride;
    pass.products = norm.products.data() + block * norm.stride;
    context_.kernels.norm_gradient_sums(pass);
  });
  NormGradients statistics;
  statistics.channels = channels;
  statistics.sums = norm.Sums();
  statistics.inverse = norm.inverse();
  statistics.scale = parameters_.At(scale);
  statistics.of_gradient = norm.of_gradient();
  statistics.of_value = norm.of_value();
  statistics.constant = norm.constant();
  statistics.scale_gradient = parameters_.Gradient(scale);
  statistics.shift_gradient = parameters_.Gradient(shift);
  FinishNormGradient(statistics);
  if (out.at == nullptr) return;
  context_.team.RunRanges(context_.batch, [&](int64_t first, int64_t end) {
    NormGradientPass pass;
    pass.grid = {.columns = in.shape.width,
                 .rows = in.shape.height,
                 .examples = end - first};
    pass.in = in.at + first * in.strides.example;
    pass.in_strides = in.strides;
    pass.gradient = gradient.at + first * in.strides.example;
    pass.out = out.at + first * out.strides.example;
    pass.out_strides = out.strides;
    pass.channels = channels;
    pass.mean = norm.mean();
    pass.factor = norm.factor();
    pass.shift = parameters_.At(shift);
    pass.activation = unit.activation;
    pass.of_gradient = norm.of_gradient();
    pass.of_value = norm.of_value();
    pass.constant = norm.constant();
    context_.kernels.norm_gradient(pass);
  });
}

}  // namespace archpool::kernels
