// SPDX-License-Identifier: Apache-2.0
// The two decoders behind client/import/picture.h, each in the one file that
// includes its library. Pure functions; thread-safe.
#ifndef ARCHPOOL_CLIENT_IMPORT_CODECS_H_
#define ARCHPOOL_CLIENT_IMPORT_CODECS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/import/picture.h"

namespace archpool {

// "NAME: what", PICTURE_MALFORMED.
absl::Status MalformedPicture(absl::string_view name, absl::string_view what);
// OK, or PICTURE_TOO_LARGE; PICTURE_MALFORMED where there is no pixel.
absl::Status CheckPictureSize(absl::string_view name, int64_t width,
                              int64_t height);

// Each as LookAtPicture and DecodePicture, of a file that begins as one of its
// kind does. The pixels are as stored: not turned.
absl::StatusOr<PictureHead> LookAtPng(absl::string_view name,
                                      absl::string_view bytes);
absl::StatusOr<Picture> DecodePng(absl::string_view name,
                                  absl::string_view bytes);
absl::StatusOr<PictureHead> LookAtJpeg(absl::string_view name,
                                       absl::string_view bytes);
absl::StatusOr<Picture> DecodeJpeg(absl::string_view name,
                                   absl::string_view bytes);

// The orientation in an EXIF block ("Exif\0\0" and TIFF), in [1, 8]; 1 where
// there is none, or what there is makes no sense.
int ExifOrientation(absl::string_view block);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_CODECS_H_
