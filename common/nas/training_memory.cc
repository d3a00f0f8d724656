#include "common/nas/training_memory.h"

#include <algorithm>

namespace archpool {
namespace {

constexpr int64_t kFloatBytes = 4;
// Weights, gradients and velocities; and the files of a segment's two ends,
// which are held beside them while it is replayed.
constexpr int64_t kCopiesOfParameters = 3 + 2 * 2;
// Of the largest layer: its gradient, its input's, and a work space.
constexpr int64_t kCopiesOfLargest = 3;
// Names, shapes and alignment of a file.
constexpr int64_t kFileOverheadBytes = int64_t{1} << 20;

}  // namespace

int64_t TrainingMemoryMaxBytes(const LayerPlan& plan, int64_t batch_size) {
  int64_t kept = plan.input_shape.elements();
  int64_t largest = kept;
  for (const Layer& layer : plan.layers) {
    const int64_t elements = layer.output_shape.elements();
    kept += elements;
    largest = std::max(largest, elements);
  }
  return kFloatBytes * (batch_size * (kept + kCopiesOfLargest * largest) +
                        kCopiesOfParameters * plan.parameters);
}

int64_t CheckpointMaxBytes(const LayerPlan& plan) {
  // Running means and variances of batch norms are as many as their scales and
  // shifts: no more than the parameters are.
  return kFloatBytes * 3 * plan.parameters + 2 * kFileOverheadBytes;
}

}  // namespace archpool
