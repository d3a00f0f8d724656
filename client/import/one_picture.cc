// SPDX-License-Identifier: Apache-2.0
#include "client/import/one_picture.h"

#include <utility>

#include "client/import/picture.h"
#include "client/import/resize.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {

absl::StatusOr<std::vector<uint8_t>> ReadPictureAs(const std::string& path,
                                                   const TensorShape& shape,
                                                   const PictureRules& rules) {
  ARCHPOOL_CHECK(shape.channels == 1 || shape.channels == 3);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFile(path, kPictureFileBytesMax));
  ARCHPOOL_ASSIGN_OR_RETURN(const PictureHead head, LookAtPicture(path, bytes));
  ARCHPOOL_ASSIGN_OR_RETURN(Picture picture, DecodePicture(path, bytes, head));
  ARCHPOOL_ASSIGN_OR_RETURN(picture,
                            Flatten(path, std::move(picture), rules.background,
                                    /*is_gray=*/shape.channels == 1));
  if (picture.width != shape.width || picture.height != shape.height) {
    const PictureBox box = BoxOf(picture, rules.fit, shape.width, shape.height);
    picture = Resize(picture, box, shape.width, shape.height);
  }
  return ChannelsFirst(std::move(picture));
}

}  // namespace archpool
