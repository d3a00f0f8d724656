// SPDX-License-Identifier: Apache-2.0
// The files in a zip archive, as NumPy writes .npz: stored or deflated, neither
// encrypted nor otherwise. Thread-compatible, with all that it opened.
#ifndef ARCHPOOL_CLIENT_IMPORT_ZIP_ARCHIVE_H_
#define ARCHPOOL_CLIENT_IMPORT_ZIP_ARCHIVE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/import/byte_source.h"

namespace archpool {

struct ZipEntry {
  std::string name;  // as the archive has it; any bytes
  NamedSource source;
};

// What the archive at `path` lists, in its order; it stays open as long as one
// of them lives. What it says of sizes is not believed: readers stop where they
// have enough. INVALID_ARGUMENT: FILE_NOT_FOUND, FILE_UNREADABLE,
// NUMPY_MALFORMED (no archive, damaged, encrypted, more than 1,000 files, a
// name twice); opening and reading an entry answer it too.
absl::StatusOr<std::vector<ZipEntry>> OpenZip(const std::string& path);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_ZIP_ARCHIVE_H_
