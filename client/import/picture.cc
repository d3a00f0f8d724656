// SPDX-License-Identifier: Apache-2.0
#include "client/import/picture.h"

#include <cstddef>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/import/codecs.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/data/foreign_file.h"

namespace archpool {
namespace {

constexpr absl::string_view kPngBegin = "\x89PNG\r\n\x1a\n";
constexpr absl::string_view kJpegBegin = "\xff\xd8\xff";
constexpr size_t kForeignBytes = 64;

// Kinds that people have in such folders and that are not read.
std::string DescribeOtherPicture(absl::string_view bytes) {
  if (absl::StartsWith(bytes, "GIF8")) return "a GIF picture";
  if (absl::StartsWith(bytes, "BM")) return "a BMP picture";
  if (absl::StartsWith(bytes, "RIFF") &&
      absl::ClippedSubstr(bytes, 8, 4) == "WEBP") {
    return "a WebP picture";
  }
  if (absl::StartsWith(bytes, absl::string_view("II*\0", 4)) ||
      absl::StartsWith(bytes, absl::string_view("MM\0*", 4))) {
    return "a TIFF picture";
  }
  if (absl::ClippedSubstr(bytes, 4, 4) == "ftyp")
    return "a HEIF or AVIF picture";
  return "";
}

uint8_t Blend(int value, int alpha, int background) {
  return static_cast<uint8_t>(
      (alpha * value + (255 - alpha) * background + 127) / 255);
}

uint8_t Luma(int red, int green, int blue) {
  return static_cast<uint8_t>((299 * red + 587 * green + 114 * blue + 500) /
                              1000);
}

bool IsOpaque(const Picture& picture) {
  const auto channels = static_cast<size_t>(picture.channels);
  for (size_t i = channels - 1; i < picture.pixels.size(); i += channels) {
    if (picture.pixels[i] != 255) return false;
  }
  return true;
}

// Red, green, blue and alpha of a pixel.
struct Rgba {
  int red;
  int green;
  int blue;
  int alpha;
};

Rgba PixelAt(const Picture& picture, size_t at) {
  const uint8_t* pixel = picture.pixels.data() + at;
  switch (picture.channels) {
    case 1:
      return {pixel[0], pixel[0], pixel[0], 255};
    case 2:
      return {pixel[0], pixel[0], pixel[0], pixel[1]};
    case 3:
      return {pixel[0], pixel[1], pixel[2], 255};
    default:
      return {pixel[0], pixel[1], pixel[2], pixel[3]};
  }
}

// Where a pixel of the upright picture is in the stored one.
struct Place {
  int64_t x;
  int64_t y;
};

Place StoredPlace(const Picture& stored, int orientation, int64_t x,
                  int64_t y) {
  const int64_t right = stored.width - 1;
  const int64_t bottom = stored.height - 1;
  switch (orientation) {
    case 2:
      return {right - x, y};
    case 3:
      return {right - x, bottom - y};
    case 4:
      return {x, bottom - y};
    case 5:
      return {y, x};
    case 6:
      return {y, bottom - x};
    case 7:
      return {right - y, bottom - x};
    case 8:
      return {right - y, x};
    default:
      return {x, y};
  }
}

}  // namespace

absl::Status MalformedPicture(absl::string_view name, absl::string_view what) {
  return InvalidArgument("PICTURE_MALFORMED",
                         absl::StrCat(Printable(name), ": ", what));
}

absl::Status CheckPictureSize(absl::string_view name, int64_t width,
                              int64_t height) {
  if (width < 1 || height < 1) {
    return MalformedPicture(name, absl::StrCat("has ", width, "x", height,
                                               " pixels: there is no picture"));
  }
  if (width <= kPictureSideMax && height <= kPictureSideMax &&
      width * height <= kPicturePixelsMax) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "PICTURE_TOO_LARGE",
      absl::StrCat(Printable(name), ": announces ", width, "x", height,
                   " pixels; at most ", kPicturePixelsMax,
                   " are read: make it smaller"));
}

absl::StatusOr<PictureHead> LookAtPicture(absl::string_view name,
                                          absl::string_view bytes) {
  if (bytes.empty()) return MalformedPicture(name, "is empty");
  if (absl::StartsWith(bytes, kPngBegin)) return LookAtPng(name, bytes);
  if (absl::StartsWith(bytes, kJpegBegin)) return LookAtJpeg(name, bytes);
  const std::string other = DescribeOtherPicture(bytes);
  if (!other.empty()) {
    return MalformedPicture(
        name, absl::StrCat("is ", other,
                           ", and PNG and JPEG are read: convert it to PNG"));
  }
  const std::string foreign =
      DescribeForeignFile(bytes.substr(0, kForeignBytes));
  return MalformedPicture(
      name, foreign.empty() ? "is neither PNG nor JPEG by what it holds: "
                              "convert it to PNG, or remove it"
                            : foreign);
}

absl::StatusOr<Picture> DecodePicture(absl::string_view name,
                                      absl::string_view bytes,
                                      const PictureHead& head) {
  ARCHPOOL_ASSIGN_OR_RETURN(Picture picture, head.kind == PictureKind::kPng
                                                 ? DecodePng(name, bytes)
                                                 : DecodeJpeg(name, bytes));
  return TurnUpright(std::move(picture), head.orientation);
}

Picture TurnUpright(Picture picture, int orientation) {
  if (orientation == 1) return picture;
  Picture upright{.width = picture.width,
                  .height = picture.height,
                  .channels = picture.channels};
  if (orientation >= 5) std::swap(upright.width, upright.height);
  const auto channels = static_cast<size_t>(picture.channels);
  upright.pixels.reserve(picture.pixels.size());
  for (int64_t y = 0; y < upright.height; ++y) {
    for (int64_t x = 0; x < upright.width; ++x) {
      const Place from = StoredPlace(picture, orientation, x, y);
      const uint8_t* pixel =
          picture.pixels.data() +
          static_cast<size_t>(from.y * picture.width + from.x) * channels;
      upright.pixels.insert(upright.pixels.end(), pixel, pixel + channels);
    }
  }
  return upright;
}

absl::StatusOr<Picture> Flatten(absl::string_view name, Picture picture,
                                const std::optional<Rgb>& background,
                                bool is_gray) {
  const bool has_alpha = picture.channels % 2 == 0;
  if (has_alpha && !background.has_value() && !IsOpaque(picture)) {
    return InvalidArgument(
        "PICTURE_TRANSPARENT",
        absl::StrCat(Printable(name),
                     ": has transparent pixels; name what shows through them, "
                     "such as 'background: white' under 'dataset', or write it "
                     "without alpha"));
  }
  const int64_t wanted = is_gray ? 1 : 3;
  if (picture.channels == wanted) return picture;
  const Rgb behind = background.value_or(Rgb());
  Picture flat{
      .width = picture.width, .height = picture.height, .channels = wanted};
  flat.pixels.reserve(
      static_cast<size_t>(picture.width * picture.height * wanted));
  const auto channels = static_cast<size_t>(picture.channels);
  for (size_t at = 0; at < picture.pixels.size(); at += channels) {
    const Rgba pixel = PixelAt(picture, at);
    const uint8_t red = Blend(pixel.red, pixel.alpha, behind.red);
    const uint8_t green = Blend(pixel.green, pixel.alpha, behind.green);
    const uint8_t blue = Blend(pixel.blue, pixel.alpha, behind.blue);
    if (is_gray) {
      flat.pixels.push_back(Luma(red, green, blue));
    } else {
      flat.pixels.insert(flat.pixels.end(), {red, green, blue});
    }
  }
  return flat;
}

std::vector<uint8_t> ChannelsFirst(Picture picture) {
  if (picture.channels == 1) return std::move(picture.pixels);
  std::vector<uint8_t> planes;
  planes.reserve(picture.pixels.size());
  const auto channels = static_cast<size_t>(picture.channels);
  for (size_t c = 0; c < channels; ++c) {
    for (size_t i = c; i < picture.pixels.size(); i += channels) {
      planes.push_back(picture.pixels[i]);
    }
  }
  return planes;
}

bool IsGray(const Picture& picture) {
  if (picture.channels == 1) return true;
  ARCHPOOL_CHECK(picture.channels == 3);
  for (size_t i = 0; i < picture.pixels.size(); i += 3) {
    if (picture.pixels[i] != picture.pixels[i + 1] ||
        picture.pixels[i] != picture.pixels[i + 2]) {
      return false;
    }
  }
  return true;
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<uint8_t>(text.front());
    const size_t length = first < 0x80            ? 1
                          : first >> 5 == 0b110   ? 2
                          : first >> 4 == 0b1110  ? 3
                          : first >> 3 == 0b11110 ? 4
                                                  : 0;
    if (length == 0 || length > text.size()) return false;
    uint32_t code = length == 1 ? first : first & (0x7f >> length);
    for (size_t i = 1; i < length; ++i) {
      const auto next = static_cast<uint8_t>(text[i]);
      if (next >> 6 != 0b10) return false;
      code = code << 6 | (next & 0x3f);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[length] || code > 0x10ffff ||
        (code >= 0xd800 && code < 0xe000)) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string Printable(absl::string_view path) {
  return IsUtf8(path) ? absl::Utf8SafeCHexEscape(path) : absl::CHexEscape(path);
}

}  // namespace archpool
