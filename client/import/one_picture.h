// SPDX-License-Identifier: Apache-2.0
// One picture as a network reads it, made as the pictures of its dataset were.
// Thread-safe.
#ifndef ARCHPOOL_CLIENT_IMPORT_ONE_PICTURE_H_
#define ARCHPOOL_CLIENT_IMPORT_ONE_PICTURE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/import/sources.h"
#include "common/nas/layer_plan.h"

namespace archpool {

struct PictureRules {
  PictureFit fit = PictureFit::kCrop;
  std::optional<Rgb> background;  // nullopt: pictures have no alpha
};

// The PNG or JPEG file at `path`, resized to `shape` where it has another size,
// gray where that has one channel: uint8 [channels, height, width]. Errors as
// ReadFile's, LookAtPicture's, DecodePicture's and Flatten's. REQUIRES:
// shape.channels is 1 or 3, and its sides are a dataset's.
absl::StatusOr<std::vector<uint8_t>> ReadPictureAs(const std::string& path,
                                                   const TensorShape& shape,
                                                   const PictureRules& rules);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_ONE_PICTURE_H_
