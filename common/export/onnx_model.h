// SPDX-License-Identifier: Apache-2.0
// A network as an ONNX file. Pure functions; thread-safe.
#ifndef ARCHPOOL_COMMON_EXPORT_ONNX_MODEL_H_
#define ARCHPOOL_COMMON_EXPORT_ONNX_MODEL_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/data/safetensors.h"
#include "common/export/exported_network.h"

namespace archpool {

// The operator set: old enough for Debian 12's OpenCV, and read by every newer
// runtime.
inline constexpr int64_t kOnnxOpset = 13;

// The file's bytes, equal for equal arguments. Input "images", float32 [batch,
// channels, height, width] with pixels from 0 to 255, which the network scales
// itself; output "scores", float32 [batch, classes], the logits. Weights are
// named as in the safetensors file.
//
// INVALID_ARGUMENT (WEIGHTS_MISMATCH): a tensor of the plan is not in
// `weights`, or has another size.
absl::StatusOr<std::string> OnnxModel(const ExportedNetwork& network,
                                      const TensorMap& weights);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_EXPORT_ONNX_MODEL_H_
