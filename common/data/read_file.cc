// SPDX-License-Identifier: Apache-2.0
#include "common/data/read_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {

absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     int64_t size_bytes_max) {
  std::error_code error;
  const std::filesystem::file_status status =
      std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return NotFound("FILE_NOT_FOUND", absl::StrCat("there is no file ", path));
  }
  // A pipe or a device could be endless.
  if (status.type() != std::filesystem::file_type::regular) {
    return FailedPrecondition("FILE_UNREADABLE",
                              absl::StrCat(path, " is no regular file"));
  }
  const std::uintmax_t size_bytes = std::filesystem::file_size(path, error);
  if (!error && size_bytes > static_cast<std::uintmax_t>(size_bytes_max)) {
    return InvalidArgument(
        "FILE_TOO_LARGE",
        absl::StrCat(path, " has ", size_bytes, " bytes; at most ",
                     size_bytes_max, " are accepted"));
  }
  std::ifstream file(path, std::ios::binary);
  std::string contents(error ? 0 : size_bytes, '\0');
  if (error || !file.read(contents.data(),
                          static_cast<std::streamsize>(contents.size()))) {
    return FailedPrecondition(
        "FILE_UNREADABLE",
        absl::StrCat("cannot read ", path, ": ",
                     error ? error.message() : std::strerror(errno)));
  }
  return contents;
}

}  // namespace archpool
