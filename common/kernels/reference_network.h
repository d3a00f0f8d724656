// SPDX-License-Identifier: Apache-2.0
// Whole trainings in the loops of reference.h: what faster networks are
// compared with, bit for bit. Not thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_REFERENCE_NETWORK_H_
#define ARCHPOOL_COMMON_KERNELS_REFERENCE_NETWORK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/data/safetensors.h"
#include "common/kernels/reference.h"
#include "common/nas/layer_plan.h"

namespace archpool::kernels::reference {

class ReferenceNetwork {
 public:
  // `plan` outlives the network. REQUIRES: CheckShapes(plan, weights).
  ReferenceNetwork(const LayerPlan& plan, const TensorMap& weights);

  const TensorMap& weights() const { return weights_; }
  // By the names of the weights, in their files' order.
  const TensorMap& velocities() const { return velocities_; }

  // Logits, [example][class]; moves the running statistics.
  const Values& Forward(View images, int64_t examples);
  // The gradient of every trained tensor, from that of the logits.
  TensorMap Backward(View logits_gradient);

  // One step. False where it diverged: nothing has changed.
  bool Step(View images, absl::Span<const uint8_t> labels,
            const OptimizerRates& rates, double smoothing);

  // Logits by the running statistics, one example after another.
  Values Evaluate(View images, int64_t examples) const;

 private:
  struct State {
    Values output;
    BatchStatistics statistics;
    Values gradient;  // empty: nobody has written it
  };
  const std::vector<float>& Tensor(size_t layer, const char* name) const;
  View OutputOf(int layer) const;
  void ForwardLayer(size_t index);
  // What a batch norm does to a channel in evaluation: x · slope + height.
  struct Folding {
    float slope = 0;
    float height = 0;
  };
  Folding FoldingOf(size_t norm, size_t channel) const;
  // Into the convolution before it.
  bool IsFolded(const Layer& norm) const;
  Values EvaluateConv(size_t index, View input, int64_t examples) const;
  Values EvaluateLayer(size_t index, const std::vector<Values>& outputs,
                       View images, int64_t examples) const;
  void BackwardLayer(size_t index, TensorMap& gradients);
  void AddGradient(int layer, const Values& gradient);
  bool IsFinite() const;

  const LayerPlan& plan_;
  TensorMap weights_;
  TensorMap velocities_;
  std::vector<State> states_;
  Values images_;
  int64_t examples_ = 0;
};

}  // namespace archpool::kernels::reference

#endif  // ARCHPOOL_COMMON_KERNELS_REFERENCE_NETWORK_H_
