// SPDX-License-Identifier: Apache-2.0
#include "common/data/dataset_format.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/data/cifar10.h"
#include "common/data/idx.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

constexpr size_t kHashedAtOnceBytes = size_t{1} << 20;

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
                {.key = "train_labels", .has_images = false},
                {.key = "held_out_images", .is_held_out = true},
                {.key = "held_out_labels",
                 .is_held_out = true,
                 .has_images = false}},
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

absl::Status SeenFiles::Add(const FormatKey& key, const DatasetFile& file) {
  DatasetFileReader reader(file.name, file.bytes);
  Sha256Stream stream;
  std::vector<uint8_t> bytes(kHashedAtOnceBytes);
  for (size_t count = bytes.size(); count == bytes.size();) {
    ARCHPOOL_ASSIGN_OR_RETURN(count, reader.Read(absl::MakeSpan(bytes)));
    stream.Update(absl::MakeConstSpan(bytes).first(count));
  }
  const auto [earlier, is_new] = names_.try_emplace(
      stream.Finish(), Names{.key = key.key, .file = file.name});
  if (is_new) return absl::OkStatus();
  const Names& names = earlier->second;
  return InvalidArgument(
      "FILE_REPEATED",
      absl::StrCat(
          names.file == file.name
              ? absl::StrCat(file.name, " is named as ", names.key, " and as ",
                             key.key)
              : absl::StrCat(file.name, " holds what ", names.file, " does"),
          ": images that are trained on measure nothing; name each "
          "file once"));
}

absl::StatusOr<Dataset> LoadDatasetFiles(const DatasetFormat& format,
                                         const DatasetPaths& paths,
                                         bool is_held_out, int64_t classes,
                                         SeenFiles* seen) {
  return ReadDatasetFiles(
      format, paths, is_held_out, classes,
      [](const FormatKey&, size_t,
         const std::string& path) -> absl::StatusOr<DatasetFile> {
        DatasetFile file{.name = path, .bytes = ""};
        ARCHPOOL_ASSIGN_OR_RETURN(file.bytes,
                                  ReadFile(path, kDatasetFileSizeMax));
        return file;
      },
      {}, seen);
}

}  // namespace archpool
