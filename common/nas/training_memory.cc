// SPDX-License-Identifier: Apache-2.0
#include "common/nas/training_memory.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "common/nas/network_constants.h"

namespace archpool {
namespace {

constexpr int64_t kFloatBytes = 4;
// Weights and velocities, each before and after a step, gradients, and weights
// turned for the backward pass; and the files of a segment's two ends, which
// are held beside them while it is replayed.
constexpr int64_t kCopiesOfParameters = 6 + 2 * 2;
// Copies of the largest layer: its gradient, its input's, and a work space.
constexpr int64_t kCopiesOfLargest = 3;
// Channels are laid out by this many, and weights by this many outputs.
constexpr int64_t kChannelStep = 8;
constexpr int64_t kWeightStep = 16;
// Names, shapes and alignment of a file.
constexpr int64_t kFileOverheadBytes = int64_t{1} << 20;

int64_t RoundUp(int64_t count, int64_t step) {
  return (count + step - 1) / step * step;
}

// A map, where one has a border as wide as its readers pad it.
int64_t MapFloats(const TensorShape& shape, int64_t border) {
  return RoundUp(shape.channels, kChannelStep) * (shape.height + 2 * border) *
         (shape.width + 2 * border);
}

int64_t PaddedParameters(const Layer& layer) {
  const int64_t channels = layer.output_shape.channels;
  return channels > 0
             ? layer.parameters / channels * RoundUp(channels, kWeightStep) +
                   kWeightStep
             : 0;
}

}  // namespace

int64_t TrainingMemoryMaxBytes(const LayerPlan& plan, int64_t batch_size) {
  // The borders of the images, and then of each layer's output.
  std::vector<int64_t> borders(plan.layers.size() + 1, 0);
  for (const Layer& layer : plan.layers) {
    if (layer.kind != LayerKind::kConv) continue;
    int64_t& border = borders[static_cast<size_t>(layer.input + 1)];
    border = std::max(border, (layer.kernel - 1) / 2);
  }
  int64_t kept = MapFloats(plan.input_shape, borders[0]);
  int64_t largest = kept;
  int64_t parameters = 0;
  int64_t blocks = 0;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    const int64_t floats = MapFloats(layer.output_shape, borders[i + 1]);
    kept += floats;
    largest = std::max(largest, floats);
    const int64_t padded = PaddedParameters(layer);
    parameters += padded;
    blocks = std::max(blocks, std::max(padded, std::min(kSumBlocksMax * padded,
                                                        kBlockedSumsMax)));
  }
  // Sums that are kept by blocks are kept twice.
  return kFloatBytes *
         (batch_size * (kept + kCopiesOfLargest * largest) +
          kCopiesOfParameters * std::max(parameters, plan.parameters) +
          2 * blocks);
}

int64_t CheckpointMaxBytes(const LayerPlan& plan) {
  // Running means and variances of batch norms are as many as their scales and
  // shifts: no more than the parameters are.
  return kFloatBytes * 3 * plan.parameters + 2 * kFileOverheadBytes;
}

}  // namespace archpool
