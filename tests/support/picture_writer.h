// SPDX-License-Identifier: Apache-2.0
// Writes PNG and JPEG files of every kind, by the encoders of the libraries
// that read them. Pure functions; thread-safe.
#ifndef ARCHPOOL_TESTS_SUPPORT_PICTURE_WRITER_H_
#define ARCHPOOL_TESTS_SUPPORT_PICTURE_WRITER_H_

#include <png.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// It needs what <cstdio> declares.
#include <jpeglib.h>

#include "client/import/picture.h"
#include "common/base/check.h"

namespace archpool {

// Colours that differ from pixel to pixel and from channel to channel.
inline Picture SamplePicture(int64_t width, int64_t height, int64_t channels,
                             int64_t seed = 0) {
  Picture picture{.width = width, .height = height, .channels = channels};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t c = 0; c < channels; ++c) {
        picture.pixels.push_back(
            static_cast<uint8_t>((seed * 31 + x * 7 + y * 13 + c * 50) % 256));
      }
    }
  }
  return picture;
}

// How a PNG is stored.
struct PngForm {
  int bit_depth = 8;  // 16: big-endian pairs in `rows`; 1, 2, 4: packed
  int color_type = PNG_COLOR_TYPE_RGB;
  bool is_interlaced = false;
  std::vector<png_color> palette;
  std::vector<png_byte> palette_alpha;
};

// `rows` as the form stores them, whole rows one after the other.
inline std::string WritePng(int64_t width, int64_t height, const PngForm& form,
                            std::vector<uint8_t> rows) {
  std::string bytes;
  png_structp png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &bytes,
      [](png_structp writer, png_bytep data, size_t count) {
        static_cast<std::string*>(png_get_io_ptr(writer))
            ->append(reinterpret_cast<const char*>(data), count);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(width),
               static_cast<png_uint_32>(height), form.bit_depth,
               form.color_type,
               form.is_interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!form.palette.empty()) {
    png_set_PLTE(png, info, form.palette.data(),
                 static_cast<int>(form.palette.size()));
  }
  if (!form.palette_alpha.empty()) {
    png_set_tRNS(png, info, form.palette_alpha.data(),
                 static_cast<int>(form.palette_alpha.size()), nullptr);
  }
  png_write_info(png, info);
  std::vector<png_bytep> pointers;
  const size_t stride = rows.size() / static_cast<size_t>(height);
  for (int64_t y = 0; y < height; ++y) {
    pointers.push_back(rows.data() + static_cast<size_t>(y) * stride);
  }
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

// With or without alpha, by its channels.
inline std::string WritePng(const Picture& picture) {
  constexpr int kTypes[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                            PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
  return WritePng(
      picture.width, picture.height,
      {.color_type = kTypes[static_cast<size_t>(picture.channels - 1)],
       .palette = {},
       .palette_alpha = {}},
      picture.pixels);
}

struct JpegForm {
  int quality = 95;
  bool is_progressive = false;
  int orientation = 0;   // 0: no EXIF
  bool is_adobe = true;  // of four channels: has Adobe's marker
};

// Of 1 (gray), 3 (RGB) or 4 (CMYK) channels.
inline std::string WriteJpeg(const Picture& picture,
                             const JpegForm& form = {}) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* out = nullptr;
  unsigned long size_bytes = 0;
  jpeg_mem_dest(&jpeg, &out, &size_bytes);
  jpeg.image_width = static_cast<JDIMENSION>(picture.width);
  jpeg.image_height = static_cast<JDIMENSION>(picture.height);
  jpeg.input_components = static_cast<int>(picture.channels);
  jpeg.in_color_space = picture.channels == 1   ? JCS_GRAYSCALE
                        : picture.channels == 3 ? JCS_RGB
                                                : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, form.quality, TRUE);
  if (form.is_progressive) jpeg_simple_progression(&jpeg);
  if (picture.channels == 4 && !form.is_adobe) jpeg.write_Adobe_marker = FALSE;
  jpeg_start_compress(&jpeg, TRUE);
  if (form.orientation > 0) {
    std::string exif("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0",
                     24);
    exif += static_cast<char>(form.orientation);
    exif += std::string(7, '\0');
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1,
                      reinterpret_cast<const JOCTET*>(exif.data()),
                      static_cast<unsigned int>(exif.size()));
  }
  std::vector<uint8_t> pixels = picture.pixels;
  const size_t stride = static_cast<size_t>(picture.width * picture.channels);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = pixels.data() + stride * jpeg.next_scanline;
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::string bytes(reinterpret_cast<const char*>(out), size_bytes);
  std::free(out);
  return bytes;
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_PICTURE_WRITER_H_
