// SPDX-License-Identifier: Apache-2.0
#include "common/data/cifar10.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/data/foreign_file.h"

namespace archpool {
namespace {

constexpr TensorShape kCifar10Shape = {
    .channels = 3, .height = 32, .width = 32};
constexpr int64_t kCifar10Classes = 10;
constexpr size_t kRecordBytes = 1 + 3 * 32 * 32;
// CIFAR-100's: two labels.
constexpr size_t kCifar100RecordBytes = kRecordBytes + 1;
constexpr size_t kRecordsAtOnce = 64;
// The magic number of a tar archive, and where it stands.
constexpr absl::string_view kTarMagic = "ustar";
constexpr size_t kTarMagicOffset = 257;
// How a pickle of version 2 or later begins.
constexpr char kPickleBegin = '\x80';

absl::Status MalformedCifar10(absl::string_view file,
                              absl::string_view message) {
  return InvalidArgument("CIFAR10_MALFORMED",
                         absl::StrCat(file, ": ", message));
}

absl::Status TooLargeCifar10(absl::string_view file,
                             absl::string_view message) {
  return InvalidArgument("CIFAR10_TOO_LARGE",
                         absl::StrCat(file, ": ", message));
}

// What else a file may be, by its first bytes. No label begins as one of these
// does, so that no file of the format is mistaken.
absl::Status CheckIsCifar10(absl::string_view file, absl::string_view head) {
  if (head.empty()) return MalformedCifar10(file, "is empty");
  if (static_cast<uint8_t>(head.front()) < kCifar10Classes) {
    return absl::OkStatus();
  }
  if (head.front() == kPickleBegin) {
    return MalformedCifar10(
        file,
        "is a pickle, as of the Python version of CIFAR-10; "
        "the binary version is needed "
        "(cifar-10-binary.tar.gz)");
  }
  if (absl::StartsWith(head.substr(std::min(kTarMagicOffset, head.size())),
                       kTarMagic)) {
    return MalformedCifar10(
        file,
        "is a tar archive: unpack it, and name the files in "
        "it, as data_batch_1.bin");
  }
  const std::string foreign = DescribeForeignFile(head);
  return foreign.empty() ? absl::OkStatus() : MalformedCifar10(file, foreign);
}

absl::Status CheckFileSize(absl::string_view file, size_t size_bytes) {
  if (size_bytes % kRecordBytes == 0) return absl::OkStatus();
  return MalformedCifar10(
      file,
      absl::StrCat("has ", size_bytes, " bytes, ", size_bytes % kRecordBytes,
                   " more than whole records of ", kRecordBytes,
                   " (a label and 3x32x32 pixels): ",
                   size_bytes % kCifar100RecordBytes == 0
                       ? "it seems to be of CIFAR-100, which has two labels a "
                         "record: write 'format: cifar100'"
                       : "it is cut off, or not of the binary version of "
                         "CIFAR-10"));
}

// Labels are the file's from `begin` on.
absl::Status CheckCifar10Labels(absl::string_view file, const Dataset& dataset,
                                size_t begin) {
  for (size_t i = begin; i < dataset.labels.size(); ++i) {
    if (dataset.labels[i] < dataset.classes) continue;
    return MalformedCifar10(
        file, absl::StrCat("label ", i - begin, " is ", int{dataset.labels[i]},
                           ", but there are ", dataset.classes,
                           " classes, from 0 to ", dataset.classes - 1));
  }
  return absl::OkStatus();
}

// Appends the records of one file.
absl::Status ReadCifar10File(const DatasetFile& file,
                             const DatasetFileLimits& limits,
                             Dataset& dataset) {
  if (static_cast<int64_t>(file.bytes.size()) > limits.file_bytes_max) {
    return TooLargeCifar10(
        file.name, absl::StrCat("has ", file.bytes.size(), " bytes; at most ",
                                limits.file_bytes_max, " are accepted"));
  }
  DatasetFileReader reader(file.name, file.bytes);
  ARCHPOOL_ASSIGN_OR_RETURN(const absl::string_view head,
                            reader.Peek(kTarMagicOffset + kTarMagic.size()));
  ARCHPOOL_RETURN_IF_ERROR(CheckIsCifar10(file.name, head));
  const size_t begin = dataset.labels.size();
  std::vector<uint8_t> records(kRecordsAtOnce * kRecordBytes);
  size_t file_bytes = 0;
  size_t count = records.size();
  while (count == records.size()) {
    ARCHPOOL_ASSIGN_OR_RETURN(count, reader.Read(absl::MakeSpan(records)));
    file_bytes += count;
    if (static_cast<int64_t>(begin * kRecordBytes + file_bytes) >
        limits.bytes_max) {
      return TooLargeCifar10(
          file.name,
          absl::StrCat("inflates, with the files before it, to more than ",
                       limits.bytes_max, " bytes, which are accepted"));
    }
    auto record = records.cbegin();
    for (size_t i = 0; i < count / kRecordBytes; ++i) {
      const auto next = record + static_cast<std::ptrdiff_t>(kRecordBytes);
      dataset.labels.push_back(*record);
      dataset.images.insert(dataset.images.end(), record + 1, next);
      record = next;
    }
  }
  // In this order: in a file of other records, what is read as a label is none.
  ARCHPOOL_RETURN_IF_ERROR(CheckFileSize(file.name, file_bytes));
  return CheckCifar10Labels(file.name, dataset, begin);
}

}  // namespace

absl::StatusOr<Dataset> ParseCifar10(absl::Span<const DatasetFile> files,
                                     int64_t classes,
                                     const DatasetFileLimits& limits) {
  ARCHPOOL_CHECK(!files.empty());
  if (classes < 1 || classes > kCifar10Classes) {
    return MalformedCifar10(
        files.front().name,
        absl::StrCat("the number of classes is ", classes,
                     "; it must be in [1, ", kCifar10Classes,
                     "], for files of CIFAR-10 have no more"));
  }
  Dataset dataset{
      .shape = kCifar10Shape, .classes = classes, .images = {}, .labels = {}};
  for (size_t i = 0; i < files.size(); ++i) {
    // An image that is there twice would be trained on and validated by.
    for (const DatasetFile& earlier : files.first(i)) {
      if (earlier.bytes != files[i].bytes) continue;
      return MalformedCifar10(
          files[i].name, absl::StrCat("has the same bytes as ", earlier.name,
                                      ": name each file once"));
    }
    ARCHPOOL_RETURN_IF_ERROR(ReadCifar10File(files[i], limits, dataset));
  }
  const absl::Status in_limits =
      CheckDatasetLimits(dataset.shape, classes, dataset.count());
  if (!in_limits.ok()) {
    return TooLargeCifar10(files.back().name, in_limits.message());
  }
  return dataset;
}

}  // namespace archpool
