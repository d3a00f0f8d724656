// SPDX-License-Identifier: Apache-2.0
// The tensors of a plan: what they are called, their shapes, their first
// values. A convolution or linear layer has "weight" ([out, in / groups,
// kernel, kernel] or [out, in]), a linear layer "bias", a batch norm "weight",
// "bias", "running_mean" and "running_var" ([channels]): PyTorch's names and
// layouts, so that a client can load the file anywhere.
#ifndef ARCHPOOL_COMMON_KERNELS_WEIGHTS_H_
#define ARCHPOOL_COMMON_KERNELS_WEIGHTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"

namespace archpool::kernels {

// "layers.<layer>.<tensor>".
std::string TensorName(int64_t layer, absl::string_view tensor);

// Every tensor of `plan`.
std::map<std::string, std::vector<int64_t>> TensorShapes(const LayerPlan& plan);

// He-uniform convolutions, linear weights uniform in ±1/sqrt(inputs), no bias,
// batch norms that change nothing. Equal on every machine, to the bit.
TensorMap InitialWeights(const LayerPlan& plan, uint64_t key);

// INVALID_ARGUMENT: WEIGHTS_MISMATCH (a tensor missing, left over, or of
// another shape).
absl::Status CheckShapes(const LayerPlan& plan, const TensorMap& weights);
// The same, and WEIGHTS_NOT_FINITE.
absl::Status CheckWeights(const LayerPlan& plan, const TensorMap& weights);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_WEIGHTS_H_
