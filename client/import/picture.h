// SPDX-License-Identifier: Apache-2.0
// One PNG or JPEG file as pixels. Pure functions and value types; thread-safe.
#ifndef ARCHPOOL_CLIENT_IMPORT_PICTURE_H_
#define ARCHPOOL_CLIENT_IMPORT_PICTURE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/import/sources.h"

namespace archpool {

// The largest picture: 8192 x 8192, more than phones take.
inline constexpr int64_t kPicturePixelsMax = int64_t{1} << 26;
inline constexpr int64_t kPictureSideMax = 65'535;
inline constexpr int64_t kPictureFileBytesMax = int64_t{64} << 20;

// Rows from top to bottom; the channels of a pixel lie side by side.
struct Picture {
  int64_t width = 0;
  int64_t height = 0;
  int64_t channels = 0;  // 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha
  std::vector<uint8_t> pixels;

  friend bool operator==(const Picture&, const Picture&) = default;
};

enum class PictureKind : uint8_t { kPng, kJpeg };

// What a file's header says.
struct PictureHead {
  PictureKind kind = PictureKind::kPng;
  int64_t width = 0;  // as stored; see ShownWidth
  int64_t height = 0;
  // EXIF's, from 1, as it should be, to 8; of JPEG alone.
  int orientation = 1;
  bool is_deep = false;      // 16 bits a channel, of which 8 are kept
  bool is_cmyk = false;      // JPEG's four inks
  int64_t memory_bytes = 0;  // that reading and turning it takes at most

  bool IsTurned() const { return orientation >= 5; }  // by a quarter
  int64_t ShownWidth() const { return IsTurned() ? height : width; }
  int64_t ShownHeight() const { return IsTurned() ? width : height; }
};

// Reads the header. INVALID_ARGUMENT: PICTURE_MALFORMED (neither PNG nor JPEG,
// cut off), PICTURE_TOO_LARGE (over kPicturePixelsMax or kPictureSideMax): so
// that nothing is allocated for it. Messages begin with `name`.
absl::StatusOr<PictureHead> LookAtPicture(absl::string_view name,
                                          absl::string_view bytes);

// Reads the pixels, 8 bits a channel, as they are stored: colour profiles and
// gamma change nothing, 16 bits are rounded to 8, CMYK is multiplied out, and
// what EXIF says of the orientation is obeyed. PICTURE_MALFORMED: cut off or
// damaged. REQUIRES: `head` is what LookAtPicture says of the same bytes.
absl::StatusOr<Picture> DecodePicture(absl::string_view name,
                                      absl::string_view bytes,
                                      const PictureHead& head);

// The same picture upright. REQUIRES: orientation in [1, 8].
Picture TurnUpright(Picture picture, int orientation);

// Without alpha, in one channel or three. Over `background`, each channel is
// (alpha * value + (255 - alpha) * background + 127) / 255, rounded down; gray
// is (299 * red + 587 * green + 114 * blue + 500) / 1000, rounded down. What is
// opaque needs no background. INVALID_ARGUMENT (PICTURE_TRANSPARENT): it is
// not, and none is given.
absl::StatusOr<Picture> Flatten(absl::string_view name, Picture picture,
                                const std::optional<Rgb>& background,
                                bool is_gray);

// Its pixels as [channels, height, width], as datasets have them.
std::vector<uint8_t> ChannelsFirst(Picture picture);

// Whether red, green and blue are the same everywhere. REQUIRES: no alpha.
bool IsGray(const Picture& picture);

// Whether it is well-formed UTF-8.
bool IsUtf8(absl::string_view text);
// A path as a message can show it, whatever bytes it is made of.
std::string Printable(absl::string_view path);

// `picture` as PNG, for people to look at. REQUIRES: 1 or 3 channels, not
// empty.
std::string EncodePng(const Picture& picture);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_PICTURE_H_
