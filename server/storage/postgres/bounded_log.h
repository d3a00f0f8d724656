// SPDX-License-Identifier: Apache-2.0
// Bounds a log that another program appends to and will not open again.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_BOUNDED_LOG_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_BOUNDED_LOG_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace archpool::postgres {

// Where the file `name` of a directory has more than `bytes_max` bytes, its
// last `bytes_max` become `name`.1, in place of an older one, and it is
// emptied. What is appended between the two is lost. On a full disk nothing is
// kept, and the file is emptied anyway. The writer must have opened it to
// append.
//
// The directory may belong to a user whom the caller does not trust: links are
// not followed, and a file of several names is left alone. INTERNAL
// (POSTGRES_LOG); no error where there is no such file.
absl::Status BoundLog(int directory_fd, const std::string& name,
                      int64_t bytes_max);

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_BOUNDED_LOG_H_
