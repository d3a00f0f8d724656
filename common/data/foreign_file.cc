// SPDX-License-Identifier: Apache-2.0
#include "common/data/foreign_file.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace archpool {
namespace {

struct Format {
  absl::string_view begin;
  absl::string_view what;
};

constexpr Format kForeignFormats[] = {
    {"version https://git-lfs.github.com/spec/",
     "is a Git LFS pointer, not the file itself: run git lfs pull"},
    {"PK\x03\x04", "is a zip archive: unpack it"},
    {"\xfd"
     "7zXZ",
     "is compressed with xz: decompress it"},
    {"BZh", "is compressed with bzip2: decompress it"},
    {"7z\xbc\xaf", "is a 7z archive: unpack it"},
    {"\x93NUMPY", "is a NumPy array: name it under 'format: numpy'"},
    {"\x89PNG",
     "is a single PNG image: name the folder of all under 'format: images'"},
    {"\xff\xd8\xff",
     "is a single JPEG image: name the folder of all under 'format: images'"},
    {"\x1f\x8b", "is gzip inside of gzip: decompress it once"},
};

}  // namespace

std::string DescribeForeignFile(absl::string_view first_bytes) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(first_bytes);
  if (absl::StartsWithIgnoreCase(text, "<!doctype") ||
      absl::StartsWithIgnoreCase(text, "<html") ||
      absl::StartsWithIgnoreCase(text, "<?xml")) {
    return "is a web page (HTML): the download gave a page instead of the file";
  }
  for (const Format& format : kForeignFormats) {
    if (absl::StartsWith(first_bytes, format.begin)) {
      return std::string(format.what);
    }
  }
  return "";
}

}  // namespace archpool
