// SPDX-License-Identifier: Apache-2.0
#include "client/import/hidden_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr char kUnsignedByteType = 0x08;

absl::Status UnwritableHidden(absl::string_view what, int error) {
  return InvalidArgument(
      "FILE_UNWRITABLE",
      absl::StrCat("cannot ", what, ": ", std::strerror(error),
                   "; TMPDIR names another directory for temporary files"));
}

std::string IdxHeader(std::initializer_list<int64_t> extents) {
  std::string header = {0, 0, kUnsignedByteType,
                        static_cast<char>(extents.size())};
  for (const int64_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      header.push_back(static_cast<char>(extent >> shift & 0xff));
    }
  }
  return header;
}

}  // namespace

absl::StatusOr<HiddenFile> HiddenFile::Create() {
  std::error_code error;
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path(error);
  if (error) {
    return UnwritableHidden("find the directory for temporary files",
                            error.value());
  }
  std::string path = (folder / "archpool-XXXXXX").string();
  const int descriptor = mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) {
    return UnwritableHidden(
        absl::StrCat("make a temporary file in ", folder.string()), errno);
  }
  HiddenFile file(descriptor);
  if (unlink(path.c_str()) != 0) {
    return UnwritableHidden(absl::StrCat("remove the name ", path), errno);
  }
  return file;
}

HiddenFile::~HiddenFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

HiddenFile::HiddenFile(HiddenFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

HiddenFile& HiddenFile::operator=(HiddenFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

std::string HiddenFile::path() const {
  return absl::StrCat("/proc/self/fd/", descriptor_);
}

absl::Status HiddenFile::WriteAt(int64_t offset,
                                 absl::Span<const uint8_t> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count =
        pwrite(descriptor_, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return UnwritableHidden("write the converted dataset to a temporary file",
                              count < 0 ? errno : ENOSPC);
    }
    bytes.remove_prefix(static_cast<size_t>(count));
    offset += count;
  }
  return absl::OkStatus();
}

std::string IdxImagesHeader(int64_t count, const TensorShape& shape) {
  if (shape.channels == 1) {
    return IdxHeader({count, shape.height, shape.width});
  }
  return IdxHeader({count, shape.channels, shape.height, shape.width});
}

std::string IdxLabelsHeader(int64_t count) { return IdxHeader({count}); }

absl::Span<const uint8_t> BytesOf(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace archpool
