// SPDX-License-Identifier: Apache-2.0
// A LayerPlan as a network that trains: forward and backward passes spelt out
// layer by layer over ATen's operators. There is no automatic differentiation:
// the pool knows every layer it trains, and so decides what is kept, what is
// overwritten and in which order gradients are added. Internal to common/nn;
// thread-compatible. Throws c10::Error.
//
// Activations: float32 [batch, channels, height, width], channels last in
// memory: oneDNN reads and writes that layout without reordering.
#ifndef ARCHPOOL_COMMON_NN_NETWORK_H_
#define ARCHPOOL_COMMON_NN_NETWORK_H_

#include <ATen/ATen.h>

#include <cstddef>
#include <string>
#include <vector>

#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"
#include "common/nn/batch_norm.h"

namespace archpool::nn {

// How many layers read each layer's output.
std::vector<int> CountReaders(const LayerPlan& plan);

// `tensor` as float32, rank-4 ones channels last; and back, row-major.
at::Tensor ToTorch(const Tensor& tensor);
Tensor FromTorch(const at::Tensor& tensor);

struct Parameter {
  std::string name;
  at::Tensor value;
  at::Tensor gradient;  // set by Backward, in value's layout
};

class Network {
 public:
  // REQUIRES: CheckWeights(plan, weights) is OK; `plan` outlives the network.
  Network(const LayerPlan& plan, const TensorMap& weights);

  // The logits, float32 [batch, classes]. Keeps what Backward needs; updates
  // running means and variances.
  at::Tensor Forward(const at::Tensor& images);

  // Sets every parameter's gradient, from the gradient of the loss with respect
  // to the logits. REQUIRES: called once after each Forward.
  void Backward(const at::Tensor& logits_gradient);

  std::vector<Parameter>& parameters() { return parameters_; }

  // The output of an activation layer. REQUIRES: between Forward and Backward.
  const at::Tensor& LayerOutput(size_t layer) const {
    return states_[layer].output;
  }

  // Parameters and batch-norm buffers.
  TensorMap Weights() const;
  // REQUIRES: CheckShapes(plan, weights) is OK.
  void Load(const TensorMap& weights);

 private:
  struct LayerState {
    int weight = -1;  // indices into parameters_; -1: none
    int bias = -1;
    at::Tensor running_mean;
    at::Tensor running_variance;
    // Kept from Forward to Backward.
    at::Tensor output;
    BatchStatistics statistics;  // batch norm
    at::Tensor indices;          // max pooling
    at::Tensor gradient;         // of the loss with respect to `output`
    bool overwrites_input = false;
  };

  const at::Tensor& OutputOf(int layer) const;
  at::Tensor ForwardConv(size_t index, const at::Tensor& input);
  at::Tensor ForwardBatchNorm(size_t index, const at::Tensor& input);
  at::Tensor ForwardLayer(size_t index, const at::Tensor& input);
  void BackwardConv(size_t index, const at::Tensor& gradient);
  void BackwardBatchNorm(size_t index, const at::Tensor& gradient);
  void BackwardLinear(size_t index, const at::Tensor& gradient);
  void BackwardLayer(size_t index, const at::Tensor& gradient);
  void AddGradient(int layer, const at::Tensor& gradient);
  void SetGradient(int parameter, const at::Tensor& gradient);
  int AddParameter(size_t layer, const char* tensor, const TensorMap& weights);

  const LayerPlan& plan_;
  std::vector<Parameter> parameters_;
  std::vector<LayerState> states_;
  at::Tensor images_;
  at::Tensor images_gradient_;
};

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_NETWORK_H_
