// SPDX-License-Identifier: Apache-2.0
// Lower-case hexadecimal text for bytes, and back.
#ifndef ARCHPOOL_COMMON_BASE_HEX_H_
#define ARCHPOOL_COMMON_BASE_HEX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace archpool {

std::string ToHex(absl::Span<const uint8_t> bytes);

// INVALID_ARGUMENT: odd length, or a character that is no hex digit.
absl::StatusOr<std::vector<uint8_t>> FromHex(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_HEX_H_
