// SPDX-License-Identifier: Apache-2.0
// Reads a whole file, with a bound.
#ifndef ARCHPOOL_COMMON_DATA_READ_FILE_H_
#define ARCHPOOL_COMMON_DATA_READ_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace archpool {

// NOT_FOUND (FILE_NOT_FOUND): there is none. FAILED_PRECONDITION
// (FILE_UNREADABLE): no regular file, no permission, a read error.
// INVALID_ARGUMENT (FILE_TOO_LARGE): over `size_bytes_max`. Thread-safe.
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     int64_t size_bytes_max);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_DATA_READ_FILE_H_
