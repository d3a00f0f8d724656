// SPDX-License-Identifier: Apache-2.0
// A LayerPlan as a network that only answers, as plainly as LibTorch can say
// it: one operator of LibTorch's for each layer, nothing folded, nothing in
// place. For looking up what is right, in any precision; evaluation_network.h
// is the fast one. Internal to common/nn; thread-compatible. Throws c10::Error.
#ifndef ARCHPOOL_COMMON_NN_PLAIN_NETWORK_H_
#define ARCHPOOL_COMMON_NN_PLAIN_NETWORK_H_

#include <ATen/ATen.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"

namespace archpool::nn {

class PlainNetwork {
 public:
  // REQUIRES: CheckWeights(plan, weights) is OK; `plan` outlives the network.
  PlainNetwork(const LayerPlan& plan, const TensorMap& weights,
               at::ScalarType type);

  // The logits, [batch, classes] of the network's type, as the images given
  // ([batch, channels, height, width]).
  at::Tensor Logits(const at::Tensor& given) const;

 private:
  const at::Tensor& WeightOf(size_t layer, const char* tensor) const;
  at::Tensor Compute(size_t index, const at::Tensor& input,
                     const at::Tensor& second_input) const;

  const LayerPlan& plan_;
  std::map<std::string, at::Tensor> weights_;
  std::vector<int> last_readers_;
};

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_PLAIN_NETWORK_H_
