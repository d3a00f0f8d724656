// SPDX-License-Identifier: Apache-2.0
#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/import/codecs.h"
#include "common/base/check.h"

namespace archpool {
namespace {

// Signature, length, "IHDR", and its fields.
constexpr size_t kPngHeadBytes = 8 + 4 + 4 + 13 + 4;
constexpr size_t kPngTroubleBytes = 200;

int64_t BigEndian32(absl::string_view bytes, size_t at) {
  int64_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  }
  return value;
}

// Everything that libpng's jumps would leave behind is here, in the frame
// below them.
struct PngJob {
  absl::string_view rest;  // to be read
  std::string written;
  std::vector<png_bytep> rows;
  Picture picture;
  std::array<char, kPngTroubleBytes> trouble{};
  png_structp png = nullptr;
  png_infop info = nullptr;
};

void FailPng(png_structp png, png_const_charp message) {
  auto* const job = static_cast<PngJob*>(png_get_error_ptr(png));
  std::strncpy(job->trouble.data(), message, kPngTroubleBytes - 1);
  png_longjmp(png, 1);
}

// Warnings are about chunks that no pixel depends on: those are left out.
void IgnorePng(png_structp, png_const_charp) {}

void ReadPngBytes(png_structp png, png_bytep out, size_t count) {
  auto* const job = static_cast<PngJob*>(png_get_io_ptr(png));
  if (job->rest.size() < count) png_error(png, "it is cut off");
  std::memcpy(out, job->rest.data(), count);
  job->rest.remove_prefix(count);
}

void WritePngBytes(png_structp png, png_bytep bytes, size_t count) {
  static_cast<PngJob*>(png_get_io_ptr(png))
      ->written.append(reinterpret_cast<const char*>(bytes), count);
}

void FlushPng(png_structp) {}

void PointAtRows(PngJob& job) {
  Picture& picture = job.picture;
  const auto stride = static_cast<size_t>(picture.width * picture.channels);
  job.rows.resize(static_cast<size_t>(picture.height));
  for (size_t y = 0; y < job.rows.size(); ++y) {
    job.rows[y] = picture.pixels.data() + y * stride;
  }
}

// All to 8 bits of gray or RGB, with or without alpha.
void AskForBytes(PngJob& job) {
  png_set_scale_16(job.png);
  const int type = png_get_color_type(job.png, job.info);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(job.png);
  if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(job.png);
  if (png_get_valid(job.png, job.info, PNG_INFO_tRNS) != 0) {
    png_set_tRNS_to_alpha(job.png);
  }
  png_set_interlace_handling(job.png);
  png_read_update_info(job.png, job.info);
}

// False: `job.trouble` says why.
bool ReadPng(PngJob& job) {
  if (setjmp(png_jmpbuf(job.png)) != 0) return false;
  png_set_read_fn(job.png, &job, ReadPngBytes);
  png_set_user_limits(job.png, kPictureSideMax, kPictureSideMax);
  png_read_info(job.png, job.info);
  AskForBytes(job);
  job.picture.width = png_get_image_width(job.png, job.info);
  job.picture.height = png_get_image_height(job.png, job.info);
  job.picture.channels = png_get_channels(job.png, job.info);
  if (png_get_bit_depth(job.png, job.info) != 8 ||
      job.picture.width * job.picture.height > kPicturePixelsMax) {
    png_error(job.png, "its header is of another kind than it was");
  }
  job.picture.pixels.resize(static_cast<size_t>(
      job.picture.width * job.picture.height * job.picture.channels));
  PointAtRows(job);
  png_read_image(job.png, job.rows.data());
  png_read_end(job.png, nullptr);
  return true;
}

bool WritePng(PngJob& job) {
  if (setjmp(png_jmpbuf(job.png)) != 0) return false;
  png_set_write_fn(job.png, &job, WritePngBytes, FlushPng);
  png_set_IHDR(
      job.png, job.info, static_cast<png_uint_32>(job.picture.width),
      static_cast<png_uint_32>(job.picture.height), 8,
      job.picture.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
      PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
      PNG_FILTER_TYPE_DEFAULT);
  png_write_info(job.png, job.info);
  png_write_image(job.png, job.rows.data());
  png_write_end(job.png, nullptr);
  return true;
}

}  // namespace

absl::StatusOr<PictureHead> LookAtPng(absl::string_view name,
                                      absl::string_view bytes) {
  if (bytes.size() < kPngHeadBytes || bytes.substr(12, 4) != "IHDR") {
    return MalformedPicture(
        name, "begins as PNG does and has no header: it is cut off or damaged");
  }
  PictureHead head{.kind = PictureKind::kPng,
                   .width = BigEndian32(bytes, 16),
                   .height = BigEndian32(bytes, 20)};
  const absl::Status fits = CheckPictureSize(name, head.width, head.height);
  if (!fits.ok()) return fits;
  head.is_deep = bytes[24] == 16;
  // Four channels, 16 bits while a row is read, and a copy without alpha.
  head.memory_bytes = head.width * head.height * 8;
  return head;
}

absl::StatusOr<Picture> DecodePng(absl::string_view name,
                                  absl::string_view bytes) {
  PngJob job;
  job.rest = bytes;
  job.png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, FailPng, IgnorePng);
  ARCHPOOL_CHECK(job.png != nullptr);
  job.info = png_create_info_struct(job.png);
  ARCHPOOL_CHECK(job.info != nullptr);
  const bool is_read = ReadPng(job);
  png_destroy_read_struct(&job.png, &job.info, nullptr);
  if (is_read) return std::move(job.picture);
  return MalformedPicture(name,
                          absl::StrCat("is a PNG picture that cannot be read: ",
                                       job.trouble.data(), "; write it again"));
}

std::string EncodePng(const Picture& picture) {
  PngJob job;
  job.picture = picture;
  PointAtRows(job);
  job.png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, FailPng, IgnorePng);
  ARCHPOOL_CHECK(job.png != nullptr);
  job.info = png_create_info_struct(job.png);
  ARCHPOOL_CHECK(job.info != nullptr);
  const bool is_written = WritePng(job);
  png_destroy_write_struct(&job.png, &job.info);
  // Memory takes all, and the sizes are in range.
  ARCHPOOL_CHECK(is_written);
  return std::move(job.written);
}

}  // namespace archpool
