// SPDX-License-Identifier: Apache-2.0
// Reads and writes safetensors (https://github.com/huggingface/safetensors,
// "Format"): eight bytes of little-endian header length, a JSON header, then
// the tensors' bytes without gaps. Only float32 is spoken here: it is what
// weights are. The reader is meant for bytes from strangers: every length is
// checked before it is used, offsets must tile the data exactly in order, and
// sizes are bounded by the caller.
#ifndef ARCHPOOL_COMMON_DATA_SAFETENSORS_H_
#define ARCHPOOL_COMMON_DATA_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace archpool {

struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> values;  // row-major, product(shape) of them
  friend bool operator==(const Tensor&, const Tensor&) = default;
};

// Ordered by name, so that equal weights have equal bytes.
using TensorMap = std::map<std::string, Tensor>;

struct SafetensorsLimits {
  int64_t bytes_max = 512 << 20;
  int64_t header_bytes_max = 1 << 20;
  int64_t tensors_max = 4096;
  int64_t rank_max = 8;
};

// INVALID_ARGUMENT: SAFETENSORS_MALFORMED, with what is wrong and where;
// SAFETENSORS_TOO_LARGE. NaN and infinity are kept: the evaluation decides.
absl::StatusOr<TensorMap> ParseSafetensors(absl::string_view bytes,
                                           const SafetensorsLimits& limits);

// The canonical file: header keys in the map's order, padded with spaces to a
// multiple of eight.
// REQUIRES: names are UTF-8 and none is "__metadata__"; each tensor has
// product(shape) values.
std::string SerializeSafetensors(const TensorMap& tensors);

// A safetensors file with "format": "pt" as its metadata, without which some
// programs read none; the tensors stay as they are, byte for byte. What has
// metadata, or is no such file, comes back as it is.
std::string WithFormatMetadata(absl::string_view file);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_SAFETENSORS_H_
