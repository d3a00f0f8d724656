// SPDX-License-Identifier: Apache-2.0
// The JSON header of a safetensors file, checked but not yet matched with the
// data. Internal to common/data.
#ifndef ARCHPOOL_COMMON_DATA_SAFETENSORS_HEADER_H_
#define ARCHPOOL_COMMON_DATA_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/data/safetensors.h"

namespace archpool {

struct TensorEntry {
  std::string name;
  std::vector<int64_t> shape;
  int64_t begin_bytes = 0;  // in the data, which starts after the header
  int64_t end_bytes = 0;
};

// The float32 tensors that `json` lists, in its order. Guaranteed: names
// differ, each entry's bytes are four times the product of its shape, the first
// begins at 0 and each other one where the one before it ends. "__metadata__"
// (texts by texts) is checked and dropped. INVALID_ARGUMENT:
// SAFETENSORS_MALFORMED, SAFETENSORS_TOO_LARGE.
absl::StatusOr<std::vector<TensorEntry>> ParseSafetensorsHeader(
    absl::string_view json, const SafetensorsLimits& limits);

// The header for `tensors`, unpadded.
std::string SerializeSafetensorsHeader(const TensorMap& tensors);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_SAFETENSORS_HEADER_H_
