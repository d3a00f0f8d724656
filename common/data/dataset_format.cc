// SPDX-License-Identifier: Apache-2.0
#include "common/data/dataset_format.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/data/cifar10.h"
#include "common/data/idx.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

absl::StatusOr<Dataset> ParseIdxFiles(absl::Span<const DatasetFile> files,
                                      int64_t classes,
                                      const DatasetFileLimits& limits) {
  return ParseIdx(files[0].bytes, files[1].bytes, classes, limits,
                  {.images = files[0].name, .labels = files[1].name});
}

}  // namespace

const std::vector<DatasetFormat>& DatasetFormats() {
  static const auto* const kFormats = new std::vector<DatasetFormat>{
      {.word = "idx",
       .description = "the format of MNIST, gzip or not",
       .keys = {{.key = "train_images"},
                {.key = "train_labels"},
                {.key = "held_out_images", .is_held_out = true},
                {.key = "held_out_labels", .is_held_out = true}},
       .parse = ParseIdxFiles},
      {.word = "cifar10",
       .description = "the binary version of CIFAR-10, gzip or not",
       .keys = {{.key = "train_batches", .is_list = true},
                {.key = "held_out_batches",
                 .is_held_out = true,
                 .is_list = true}},
       .parse = ParseCifar10},
  };
  return *kFormats;
}

const DatasetFormat* FindDatasetFormat(absl::string_view word) {
  for (const DatasetFormat& format : DatasetFormats()) {
    if (word == format.word) return &format;
  }
  return nullptr;
}

std::string DescribeDatasetFormats() {
  constexpr int kWordWidth = 8;
  std::string text;
  for (const DatasetFormat& format : DatasetFormats()) {
    absl::StrAppendFormat(
        &text, "  %-*s %s\n  %-*s %s\n", kWordWidth, format.word,
        format.description, kWordWidth, "",
        absl::StrJoin(
            format.keys, ", ", [](std::string* out, const FormatKey& key) {
              absl::StrAppend(out, key.key, key.is_list ? " (a list)" : "");
            }));
  }
  return text;
}

absl::Status CheckDatasetSize(absl::string_view name, size_t size_bytes,
                              const DatasetFileLimits& limits) {
  if (static_cast<int64_t>(size_bytes) <= limits.bytes_max) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "DATASET_TOO_LARGE",
      absl::StrCat(name, ": with the files before it there are ", size_bytes,
                   " bytes; at most ", limits.bytes_max, " are accepted"));
}

absl::StatusOr<Dataset> LoadDatasetFiles(const DatasetFormat& format,
                                         const DatasetPaths& paths,
                                         bool is_held_out, int64_t classes) {
  return ReadDatasetFiles(
      format, paths, is_held_out, classes,
      [](const FormatKey&, size_t,
         const std::string& path) -> absl::StatusOr<DatasetFile> {
        DatasetFile file{.name = path, .bytes = ""};
        ARCHPOOL_ASSIGN_OR_RETURN(file.bytes,
                                  ReadFile(path, kDatasetFileSizeMax));
        return file;
      });
}

}  // namespace archpool
