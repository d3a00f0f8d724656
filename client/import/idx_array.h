// SPDX-License-Identifier: Apache-2.0
// Reads IDX files (common/data/idx.h) whose numbers are of any of the format's
// types, as arrays. The pool takes bytes alone. Functions are thread-safe.
#ifndef ARCHPOOL_CLIENT_IMPORT_IDX_ARRAY_H_
#define ARCHPOOL_CLIENT_IMPORT_IDX_ARRAY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/import/byte_source.h"
#include "client/import/npy.h"

namespace archpool {

// Reads up to the first number. NUMPY_MALFORMED, which ImportArrays renames: no
// IDX, a type that there is not, more numbers than any file holds.
absl::StatusOr<NpyHeader> ReadIdxHeader(absl::string_view name,
                                        ByteSource& source);

// A file, inflated on the way where it is gzip. It holds the file as it is,
// which is at most kDatasetFileSizeMax; `open` answers ReadFile's errors.
NamedSource IdxSource(const std::string& path);

// Whether the file at `path`, gzip or not, begins as an IDX file of numbers
// that are no unsigned bytes. False where it cannot be read, or is something
// else: what reads it as such says why.
bool IsWideIdx(const std::string& path);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_IDX_ARRAY_H_
