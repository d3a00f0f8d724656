// SPDX-License-Identifier: Apache-2.0
// A LayerPlan as a network that only answers: batch norms folded into the
// convolutions before them, activations in place, every output dropped after
// its last reader. Internal to common/nn; thread-compatible. Throws c10::Error.
#ifndef ARCHPOOL_COMMON_NN_EVALUATION_NETWORK_H_
#define ARCHPOOL_COMMON_NN_EVALUATION_NETWORK_H_

#include <ATen/ATen.h>

#include <cstddef>
#include <vector>

#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"

namespace archpool::nn {

// Small enough for the activations of one layer to stay in the cache.
inline constexpr int64_t kEvaluationBatch = 64;

class EvaluationNetwork {
 public:
  // REQUIRES: CheckWeights(plan, weights) is OK; `plan` outlives the network.
  EvaluationNetwork(const LayerPlan& plan, const TensorMap& weights);

  // The logits, float32 [batch, classes].
  at::Tensor Logits(const at::Tensor& images);

 private:
  struct LayerState {
    at::Tensor weight;        // batch norm: the scale
    at::Tensor bias;          // batch norm: the shift
    bool folded = false;      // batch norm: the convolution before has done it
    bool owns_input = false;  // nobody else reads the input
    int last_reader = -1;
    at::Tensor output;
  };

  const at::Tensor& OutputOf(int layer) const {
    return layer < 0 ? images_ : states_[static_cast<size_t>(layer)].output;
  }
  at::Tensor Compute(size_t index, at::Tensor input) const;
  at::Tensor Activate(LayerKind kind, at::Tensor input, bool in_place) const;

  const LayerPlan& plan_;
  std::vector<LayerState> states_;
  at::Tensor images_;
};

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_EVALUATION_NETWORK_H_
