// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

// It needs what <cstdio> declares.
#include <jpeglib.h>
// Its codes, which jpeglib.h does not include.
#include <jerror.h>

#include "absl/strings/str_cat.h"
#include "client/import/codecs.h"

namespace archpool {
namespace {

constexpr unsigned int kMarkerBytesMax = 0xffff;
// Encoders write ten or so; a thousand scans over a large picture are an attack
// on the reader's time.
constexpr int kScansMax = 64;

// Everything that libjpeg's jumps would leave behind is here, in the frame
// below them.
struct JpegJob {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  std::array<char, JMSG_LENGTH_MAX> trouble{};
  Picture picture;
};

JpegJob& JobOf(j_common_ptr jpeg) {
  return *static_cast<JpegJob*>(jpeg->client_data);
}

[[noreturn]] void FailJpeg(j_common_ptr jpeg) {
  JpegJob& job = JobOf(jpeg);
  jpeg->err->format_message(jpeg, job.trouble.data());
  std::longjmp(job.jump, 1);
}

// libjpeg warns where data are missing or damaged, and makes pixels up.
void JudgeJpegMessage(j_common_ptr jpeg, int level) {
  if (level >= 0) return;  // a trace
  switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
      return;  // no pixel depends on it
    default:
      FailJpeg(jpeg);
  }
}

void ShowNothing(j_common_ptr) {}

void CountScans(j_common_ptr jpeg) {
  if (JobOf(jpeg).jpeg.input_scan_number <= kScansMax) return;
  std::snprintf(JobOf(jpeg).trouble.data(), JMSG_LENGTH_MAX,
                "it has more than %d scans", kScansMax);
  std::longjmp(JobOf(jpeg).jump, 1);
}

void BeginJpeg(JpegJob& job) {
  job.jpeg.err = jpeg_std_error(&job.errors);
  job.errors.error_exit = FailJpeg;
  job.errors.emit_message = JudgeJpegMessage;
  job.errors.output_message = ShowNothing;
  job.jpeg.client_data = &job;
}

// False: `job.trouble` says why.
bool ReadJpegHead(JpegJob& job, absl::string_view bytes) {
  if (setjmp(job.jump) != 0) return false;
  jpeg_create_decompress(&job.jpeg);
  jpeg_mem_src(&job.jpeg, reinterpret_cast<const unsigned char*>(bytes.data()),
               bytes.size());
  jpeg_save_markers(&job.jpeg, JPEG_APP0 + 1, kMarkerBytesMax);
  jpeg_read_header(&job.jpeg, TRUE);
  return true;
}

// After ReadJpegHead. The same pixels from every libjpeg that follows the
// standard's exact arithmetic.
bool ReadJpegPixels(JpegJob& job) {
  if (setjmp(job.jump) != 0) return false;
  jpeg_decompress_struct& jpeg = job.jpeg;
  job.progress.progress_monitor = CountScans;
  jpeg.progress = &job.progress;
  if (jpeg.num_components == 1) {
    jpeg.out_color_space = JCS_GRAYSCALE;
  } else {
    jpeg.out_color_space = jpeg.num_components == 4 ? JCS_CMYK : JCS_RGB;
  }
  jpeg.dct_method = JDCT_ISLOW;
  jpeg.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&jpeg);
  job.picture.width = jpeg.output_width;
  job.picture.height = jpeg.output_height;
  job.picture.channels = jpeg.output_components;
  const size_t stride =
      size_t{jpeg.output_width} * static_cast<size_t>(jpeg.output_components);
  job.picture.pixels.resize(stride * jpeg.output_height);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = job.picture.pixels.data() + stride * jpeg.output_scanline;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

// What is left of white light by four inks. Adobe's programs, which write the
// marker, store how much of it passes; the standard, how much ink there is.
Picture MultiplyInks(const Picture& inks, bool is_inverted) {
  Picture rgb{.width = inks.width, .height = inks.height, .channels = 3};
  const size_t count = inks.pixels.size() / 4;
  rgb.pixels.resize(count * 3);
  for (size_t i = 0; i < count; ++i) {
    std::array<int, 4> light{};
    for (size_t ink = 0; ink < 4; ++ink) {
      const int value = inks.pixels[i * 4 + ink];
      light[ink] = is_inverted ? value : 255 - value;
    }
    for (size_t c = 0; c < 3; ++c) {
      rgb.pixels[i * 3 + c] =
          static_cast<uint8_t>((light[c] * light[3] + 127) / 255);
    }
  }
  return rgb;
}

absl::Status BrokenJpeg(absl::string_view name, const JpegJob& job) {
  return MalformedPicture(
      name, absl::StrCat("is a JPEG picture that cannot be read: ",
                         job.trouble.data(), "; write it again"));
}

}  // namespace

absl::StatusOr<PictureHead> LookAtJpeg(absl::string_view name,
                                       absl::string_view bytes) {
  JpegJob job;
  BeginJpeg(job);
  if (!ReadJpegHead(job, bytes)) {
    jpeg_destroy_decompress(&job.jpeg);
    return BrokenJpeg(name, job);
  }
  PictureHead head{.kind = PictureKind::kJpeg,
                   .width = job.jpeg.image_width,
                   .height = job.jpeg.image_height};
  const int64_t components = job.jpeg.num_components;
  head.is_cmyk = components == 4;
  // The pixels and a turned copy; coefficients, two bytes each, where there is
  // more than one scan.
  const int64_t planes =
      2 * components +
      (jpeg_has_multiple_scans(&job.jpeg) ? 2 * components : 0);
  head.memory_bytes = head.width * head.height * planes;
  for (const jpeg_marker_struct* marker = job.jpeg.marker_list;
       marker != nullptr && head.orientation == 1; marker = marker->next) {
    head.orientation = ExifOrientation(
        {reinterpret_cast<const char*>(marker->data), marker->data_length});
  }
  jpeg_destroy_decompress(&job.jpeg);
  const absl::Status fits = CheckPictureSize(name, head.width, head.height);
  if (!fits.ok()) return fits;
  if (components != 1 && components != 3 && components != 4) {
    return MalformedPicture(
        name, absl::StrCat("is a JPEG picture of ", components,
                           " components; gray, colour and CMYK are read"));
  }
  return head;
}

absl::StatusOr<Picture> DecodeJpeg(absl::string_view name,
                                   absl::string_view bytes) {
  JpegJob job;
  BeginJpeg(job);
  const bool is_read = ReadJpegHead(job, bytes) && ReadJpegPixels(job);
  const bool is_inverted = job.jpeg.saw_Adobe_marker != FALSE;
  jpeg_destroy_decompress(&job.jpeg);
  if (!is_read) return BrokenJpeg(name, job);
  if (job.picture.channels == 4) return MultiplyInks(job.picture, is_inverted);
  return std::move(job.picture);
}

}  // namespace archpool
