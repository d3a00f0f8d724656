// SPDX-License-Identifier: Apache-2.0
// Decodes many pictures at once into one IDX file. Thread-compatible; it has
// threads of its own inside.
#ifndef ARCHPOOL_CLIENT_IMPORT_PICTURE_CONVERTER_H_
#define ARCHPOOL_CLIENT_IMPORT_PICTURE_CONVERTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/import/class_folder.h"
#include "client/import/hidden_file.h"
#include "client/import/imported.h"
#include "client/import/sources.h"
#include "common/nas/layer_plan.h"

namespace archpool {

// What was done to pictures, so that somebody can say that it was not meant.
struct PictureCounts {
  int64_t pictures = 0;
  int64_t without_colour = 0;  // of three channels that are equal
  int64_t colour_dropped = 0;
  int64_t turned = 0;
  int64_t enlarged = 0;
  int64_t deep = 0;
  int64_t inks = 0;  // CMYK

  void Add(const PictureCounts& other);
  std::vector<std::string> Notes() const;
};

// Writes `pictures`, each as `shape`, behind a header, into `out`, and adds
// what was done to `counts`. No more memory than some pictures' is used. Errors
// as ImportPictures, for the first picture of the list that has one. `size_of`:
// names the picture whose size all must have; "": they are resized.
absl::Status ConvertPictures(const std::vector<ClassPicture>& pictures,
                             const PictureFolder& source,
                             const TensorShape& shape,
                             const std::string& size_of,
                             const ImportOptions& options,
                             const HiddenFile& out, PictureCounts& counts);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_PICTURE_CONVERTER_H_
