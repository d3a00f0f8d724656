// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/network_norm.h"

#include <algorithm>

namespace archpool::kernels {

void Network::SumNormBlock(size_t index, int64_t block) {
  const Unit& unit = plan_.units()[index];
  const MapView in = Output(unit.input);
  Norm& norm = *norms_[index];
  const int64_t first = block * norm.block_rows;
  NormSumsPass pass;
  pass.rows = std::min(norm.block_rows, norm.rows - first);
  pass.in = in.at + first * in.strides.column;
  pass.stride = in.strides.column;
  pass.channels = in.shape.channels;
  pass.origin = in.at;
  pass.sums = norm.sums.data() + block * norm.stride;
  pass.squares = norm.products.data() + block * norm.stride;
  context_.kernels.norm_sums(pass);
}

void Network::SumNormGradientBlock(size_t index, int64_t block) {
  const Unit& unit = plan_.units()[index];
  const MapView in = Output(unit.input);
  const MapView gradient = Gradient(static_cast<int>(unit.output));
  Norm& norm = *norms_[index];
  const int64_t first = block * norm.block_rows;
  NormGradientSumsPass pass;
  pass.rows = std::min(norm.block_rows, norm.rows - first);
  pass.in = in.at + first * in.strides.column;
  pass.gradient = gradient.at + first * in.strides.column;
  pass.stride = in.strides.column;
  pass.channels = in.shape.channels;
  pass.mean = norm.mean();
  pass.factor = norm.factor();
  pass.shift = parameters_.At(parameters_.PlaceOf(unit.layer, "bias"));
  pass.activation = unit.activation;
  pass.sums = norm.sums.data() + block * norm.stride;
  pass.products = norm.products.data() + block * norm.stride;
  context_.kernels.norm_gradient_sums(pass);
}

void Network::SumBlocks(size_t index, SumBlock sum) {
  context_.team.Run(norms_[index]->blocks,
                    [&](int64_t block) { (this->*sum)(index, block); });
}

void Network::SumBlocksUpTo(size_t index, SumBlock sum, int64_t end) {
  Norm& norm = *norms_[index];
  const int64_t end_row = end * (norm.rows / context_.batch);
  while (norm.next_block < norm.blocks &&
         std::min((norm.next_block + 1) * norm.block_rows, norm.rows) <=
             end_row) {
    (this->*sum)(index, norm.next_block++);
  }
  if (end == context_.batch) norm.next_block = 0;
}

void Network::FinishNormSums(size_t index) {
  const Unit& unit = plan_.units()[index];
  const MapView in = Output(unit.input);
  Norm& norm = *norms_[index];
  const TensorPlace& mean = parameters_.PlaceOf(unit.layer, "running_mean");
  const TensorPlace& variance = parameters_.PlaceOf(unit.layer, "running_var");
  NormStatistics statistics;
  statistics.channels = in.shape.channels;
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
}

void Network::FinishNormGradientSums(size_t index) {
  const Unit& unit = plan_.units()[index];
  Norm& norm = *norms_[index];
  const TensorPlace& scale = parameters_.PlaceOf(unit.layer, "weight");
  const TensorPlace& shift = parameters_.PlaceOf(unit.layer, "bias");
  NormGradients statistics;
  statistics.channels = layers_[unit.layer].output_shape.channels;
  statistics.sums = norm.Sums();
  statistics.inverse = norm.inverse();
  statistics.scale = parameters_.At(scale);
  statistics.of_gradient = norm.of_gradient();
  statistics.of_value = norm.of_value();
  statistics.constant = norm.constant();
  statistics.scale_gradient = parameters_.Gradient(scale);
  statistics.shift_gradient = parameters_.Gradient(shift);
  FinishNormGradient(statistics);
}

void Network::ForwardNorm(size_t index, const Examples& examples) {
  const Unit& unit = plan_.units()[index];
  Norm& norm = *norms_[index];
  NormalizeAll(
      ContextOf(examples), Output(unit.input, examples.first),
      Output(static_cast<int>(unit.output), examples.first),
      {.mean = norm.mean(),
       .factor = norm.factor(),
       .shift = parameters_.At(parameters_.PlaceOf(unit.layer, "bias"))},
      unit.activation);
}

// The gradient of the norm's input, where there is one.
void Network::BackwardNorm(size_t index, const Examples& examples,
                           const MapView& out) {
  if (out.at == nullptr) return;
  const Unit& unit = plan_.units()[index];
  const MapView in = Output(unit.input, examples.first);
  const MapView gradient =
      Gradient(static_cast<int>(unit.output), examples.first);
  Norm& norm = *norms_[index];
  NormGradientPass pass;
  pass.grid = {.columns = in.shape.width,
               .rows = in.shape.height,
               .examples = examples.count};
  pass.in = in.at;
  pass.in_strides = in.strides;
  pass.gradient = gradient.at;
  pass.out = out.at;
  pass.out_strides = out.strides;
  pass.channels = in.shape.channels;
  pass.mean = norm.mean();
  pass.factor = norm.factor();
  pass.shift = parameters_.At(parameters_.PlaceOf(unit.layer, "bias"));
  pass.activation = unit.activation;
  pass.of_gradient = norm.of_gradient();
  pass.of_value = norm.of_value();
  pass.constant = norm.constant();
  context_.kernels.norm_gradient(pass);
}

}  // namespace archpool::kernels
