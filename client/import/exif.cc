// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <optional>

#include "absl/strings/match.h"
#include "client/import/codecs.h"

namespace archpool {
namespace {

constexpr absl::string_view kExifBegin("Exif\0\0", 6);
constexpr size_t kEntryBytes = 12;
constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kShortType = 3;

// Numbers of the byte order that the block states; none lie outside of it.
struct TiffReader {
  absl::string_view block;
  bool is_big_endian = false;

  std::optional<uint32_t> Read(size_t at, size_t count) const {
    if (at > block.size() || block.size() - at < count) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      const size_t from = is_big_endian ? i : count - 1 - i;
      value = value << 8 | static_cast<uint8_t>(block[at + from]);
    }
    return value;
  }
};

}  // namespace

int ExifOrientation(absl::string_view block) {
  if (!absl::StartsWith(block, kExifBegin)) return 1;
  TiffReader tiff{.block = block.substr(kExifBegin.size())};
  tiff.is_big_endian = absl::StartsWith(tiff.block, "MM");
  if (!tiff.is_big_endian && !absl::StartsWith(tiff.block, "II")) return 1;
  if (tiff.Read(2, 2) != 42u) return 1;
  const std::optional<uint32_t> directory = tiff.Read(4, 4);
  if (!directory.has_value()) return 1;
  const std::optional<uint32_t> entries = tiff.Read(*directory, 2);
  if (!entries.has_value()) return 1;
  for (uint32_t i = 0; i < *entries; ++i) {
    const size_t at = size_t{*directory} + 2 + i * kEntryBytes;
    const std::optional<uint32_t> value = tiff.Read(at + 8, 2);
    if (!value.has_value()) return 1;
    if (tiff.Read(at, 2) != kOrientationTag) continue;
    const bool is_sound = tiff.Read(at + 2, 2) == kShortType &&
                          tiff.Read(at + 4, 4) == 1u && *value >= 1 &&
                          *value <= 8;
    return is_sound ? static_cast<int>(*value) : 1;
  }
  return 1;
}

}  // namespace archpool
