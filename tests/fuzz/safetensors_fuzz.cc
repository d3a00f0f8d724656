// SPDX-License-Identifier: Apache-2.0
// Weights that a stranger uploads. Goal: no input crashes the reader or makes
// it allocate more than it was given, and what it accepts has one canonical
// form. An input whose first byte is odd is only a header, so that the fuzzer
// need not learn to keep the length before it right: the second byte says how
// many floats follow.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/data/safetensors.h"

namespace archpool {
namespace {

std::string ToFile(absl::string_view input) {
  if (input.size() < 2 || input[0] % 2 == 0) {
    return std::string(input.substr(input.empty() ? 0 : 1));
  }
  const auto data_bytes = size_t{4} * static_cast<uint8_t>(input[1]);
  const absl::string_view header = input.substr(2);
  const uint64_t header_bytes = header.size();
  std::string file(reinterpret_cast<const char*>(&header_bytes),
                   sizeof(header_bytes));
  absl::StrAppend(&file, header, std::string(data_bytes, '\x3f'));
  return file;
}

void Fuzz(absl::string_view input) {
  const std::string file = ToFile(input);
  const SafetensorsLimits limits = {.header_bytes_max = 1 << 16,
                                    .tensors_max = 64};
  const absl::StatusOr<TensorMap> parsed = ParseSafetensors(file, limits);
  if (!parsed.ok()) return;
  size_t values_bytes = 0;
  for (const auto& [name, tensor] : *parsed) {
    values_bytes += tensor.values.size() * sizeof(float);
  }
  ARCHPOOL_CHECK(values_bytes <= file.size());
  // Escapes can make the header longer than the one that was read.
  const SafetensorsLimits no_limits = {};
  const std::string canonical = SerializeSafetensors(*parsed);
  const absl::StatusOr<TensorMap> again =
      ParseSafetensors(canonical, no_limits);
  ARCHPOOL_CHECK(again.ok());
  ARCHPOOL_CHECK(SerializeSafetensors(*again) == canonical);
}

}  // namespace
}  // namespace archpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  archpool::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
