// SPDX-License-Identifier: Apache-2.0
// What a network computes in which order, and where its maps lie in memory:
// decided once, from layers and batch alone, so that what a training takes in
// memory is known before it starts. Pure; thread-compatible.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_NETWORK_PLAN_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_NETWORK_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/kernels/inner/passes.h"
#include "common/nas/layer.h"

namespace archpool::kernels {

// How a map lies in memory. A border of zeros saves convolutions all questions
// of where an image ends.
struct MapLayout {
  TensorShape shape;
  int64_t border = 0;
  bool is_image = false;  // columns follow each other without padding

  Strides strides() const;
  // Where the first pixel lies, behind the border.
  int64_t origin() const;
  int64_t floats(int64_t examples) const;
  friend bool operator==(const MapLayout&, const MapLayout&) = default;
};

inline constexpr int kNoBuffer = -1;

// A map's place in memory, between two moments of a step. A stage is a moment.
struct MapBuffer {
  MapLayout layout;
  int first_use = 0;
  int last_use = 0;
  int64_t offset = 0;  // in floats
};

// One layer, or a batch norm with the activation behind it.
struct Unit {
  size_t layer = 0;   // the batch norm where there are two
  size_t output = 0;  // the layer whose output it makes
  LayerKind activation = LayerKind::kBatchNorm;  // kBatchNorm: none
  int input = -1;                                // layers; -1: the images
  int second_input = -1;                         // kAdd alone
  int input_copy = kNoBuffer;  // with a border where the input has none
};

// Units that go through memory together, a few examples at a time, so that each
// finds in the cache what the one before has written. What needs something of
// the whole batch begins a stage.
struct Stage {
  size_t first = 0;  // of units
  size_t end = 0;
};

enum class Purpose {
  kTraining,
  kEvaluation,  // batch norms fold into the convolutions before them
};

class NetworkPlan {
 public:
  // REQUIRES: layers as MakeLayerPlan makes them, the last one linear.
  NetworkPlan(const TensorShape& input, const std::vector<Layer>& layers,
              int64_t batch, Purpose purpose);

  const std::vector<Unit>& units() const { return units_; }
  // The stages of training, in the order in which they come. A batch norm
  // begins a stage of its own both ways, for what it takes from the whole
  // batch; the first stage forward has no units where the first is one.
  // Backward, a stage goes from its last unit to its first and has one product
  // at most, whose sums over the batch take memory.
  const std::vector<Stage>& forward_stages() const { return forward_; }
  const std::vector<Stage>& backward_stages() const { return backward_; }
  const MapBuffer& buffer(int index) const {
    return buffers_[static_cast<size_t>(index)];
  }
  // The buffer that holds a layer's output; -1: the images.
  int OutputOf(int layer) const {
    return outputs_[static_cast<size_t>(layer + 1)];
  }
  // The gradient of a layer's output; kNoBuffer where nobody computes it.
  int GradientOf(int layer) const {
    return gradients_[static_cast<size_t>(layer + 1)];
  }
  // Where a unit's gradient of an input is put that others have written before.
  int spare_gradient(size_t unit) const { return spare_gradients_[unit]; }
  // Evaluation: whether the batch norm `layer` has been folded away.
  bool IsFolded(size_t layer) const { return is_folded_[layer]; }

  int64_t batch() const { return batch_; }
  int64_t floats() const { return floats_; }

 private:
  void MakeUnits(Purpose purpose);
  void MakeStages(Purpose purpose);
  void PlaceOutputs(Purpose purpose);
  void PlaceGradients();
  void PlaceInputCopies(Purpose purpose);
  int AddBuffer(const MapLayout& layout, int first_use);
  void Use(int buffer, int moment);
  void Allocate();
  bool AreInTheWay(const MapBuffer& a, const MapBuffer& b) const;
  int64_t BorderOf(int layer) const;
  int Moment(size_t unit, bool is_backward) const;

  const TensorShape input_;
  const std::vector<Layer> layers_;
  const int64_t batch_;
  std::vector<std::vector<size_t>> readers_;  // of layer - 1, by layer
  std::vector<Unit> units_;
  std::vector<Stage> forward_;
  std::vector<Stage> backward_;
  std::vector<int> forward_moments_;   // by unit
  std::vector<int> backward_moments_;  // by unit
  std::vector<MapBuffer> buffers_;
  std::vector<int> outputs_;
  std::vector<int> gradients_;
  std::vector<int> spare_gradients_;
  std::vector<bool> is_folded_;
  int64_t floats_ = 0;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_NETWORK_PLAN_H_
