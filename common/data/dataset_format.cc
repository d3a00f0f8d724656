// SPDX-License-Identifier: Apache-2.0
#include "common/data/dataset_format.h"

#include "common/base/status.h"
#include "common/data/idx.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

absl::StatusOr<Dataset> ParseIdxFiles(absl::Span<const DatasetFile> files,
                                      int64_t classes) {
  return ParseIdx(files[0].bytes, files[1].bytes, classes,
                  {.file_bytes_max = kDatasetFileSizeMax,
                   .bytes_max = kDatasetInflatedSizeMax},
                  {.images = files[0].name, .labels = files[1].name});
}

}  // namespace

const std::vector<DatasetFormat>& DatasetFormats() {
  static const auto* const kFormats = new std::vector<DatasetFormat>{
      {.word = "idx",
       .keys = {{.key = "train_images"},
                {.key = "train_labels"},
                {.key = "held_out_images", .is_held_out = true},
                {.key = "held_out_labels", .is_held_out = true}},
       .parse = ParseIdxFiles},
  };
  return *kFormats;
}

const DatasetFormat* FindDatasetFormat(absl::string_view word) {
  for (const DatasetFormat& format : DatasetFormats()) {
    if (word == format.word) return &format;
  }
  return nullptr;
}

absl::StatusOr<Dataset> LoadDatasetFiles(const DatasetFormat& format,
                                         const DatasetPaths& paths,
                                         bool is_held_out, int64_t classes) {
  return ReadDatasetFiles(
      format, paths, is_held_out, classes,
      [](const FormatKey&,
         const std::string& path) -> absl::StatusOr<DatasetFile> {
        DatasetFile file{.name = path, .bytes = ""};
        ARCHPOOL_ASSIGN_OR_RETURN(file.bytes,
                                  ReadFile(path, kDatasetFileSizeMax));
        return file;
      });
}

}  // namespace archpool
