// SPDX-License-Identifier: Apache-2.0
// The binary version of CIFAR-100
// (https://www.cs.toronto.edu/~kriz/cifar.html): records without a header, each
// the label of one of 20 classes, the label of one of 100, and a 32x32 image as
// in CIFAR-10.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/import/imported.h"
#include "client/import/picture.h"
#include "common/base/status.h"
#include "common/data/foreign_file.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

constexpr TensorShape kCifar100Shape = {
    .channels = 3, .height = 32, .width = 32};
constexpr size_t kCifar100LabelBytes = 2;
constexpr size_t kCifar100PixelBytes = 3 * 32 * 32;
constexpr size_t kCifar100RecordBytes =
    kCifar100LabelBytes + kCifar100PixelBytes;
constexpr size_t kCifar10RecordBytes = 1 + kCifar100PixelBytes;
constexpr size_t kCifar100RecordsAtOnce = 64;
constexpr uint8_t kCoarseClasses = 20;
constexpr uint8_t kFineClasses = 100;
// The magic number of a tar archive, and where it stands.
constexpr absl::string_view kCifar100TarMagic = "ustar";
constexpr size_t kCifar100TarMagicOffset = 257;
constexpr char kCifar100PickleBegin = '\x80';

absl::Status MalformedCifar100(absl::string_view name, absl::string_view what) {
  return InvalidArgument("CIFAR100_MALFORMED", absl::StrCat(name, ": ", what));
}

// A file of the format begins with a label below 20, as none of these does.
absl::Status CheckIsCifar100(absl::string_view name, absl::string_view head) {
  if (head.empty()) return MalformedCifar100(name, "is empty");
  if (static_cast<uint8_t>(head.front()) < kCoarseClasses) {
    return absl::OkStatus();
  }
  if (head.front() == kCifar100PickleBegin) {
    return MalformedCifar100(name,
                             "is a pickle, as of the Python version of "
                             "CIFAR-100; the binary version "
                             "is needed (cifar-100-binary.tar.gz)");
  }
  if (absl::StartsWith(
          head.substr(std::min(kCifar100TarMagicOffset, head.size())),
          kCifar100TarMagic)) {
    return MalformedCifar100(
        name,
        "is a tar archive: unpack it, and name the files in it, train.bin and "
        "test.bin");
  }
  const std::string foreign = DescribeForeignFile(head);
  return foreign.empty() ? absl::OkStatus() : MalformedCifar100(name, foreign);
}

absl::Status CheckCifar100Size(absl::string_view name, size_t size_bytes) {
  if (size_bytes % kCifar100RecordBytes == 0) return absl::OkStatus();
  return MalformedCifar100(
      name,
      absl::StrCat(
          "has ", size_bytes, " bytes, ", size_bytes % kCifar100RecordBytes,
          " more than whole records of ", kCifar100RecordBytes,
          " (two labels and 3x32x32 pixels): ",
          size_bytes % kCifar10RecordBytes == 0
              ? "it seems to be of CIFAR-10, which has one label a record: "
                "write 'format: cifar10'"
              : "it is cut off, or not of the binary version of CIFAR-100"));
}

// Says which label of record `index` is none, if one is.
std::optional<std::string> TroubleWithLabels(size_t index, uint8_t coarse,
                                             uint8_t fine) {
  if (coarse < kCoarseClasses && fine < kFineClasses) return std::nullopt;
  const bool is_coarse = coarse >= kCoarseClasses;
  return absl::StrCat("record ", index, ", at byte ",
                      index * kCifar100RecordBytes, ", has the ",
                      is_coarse ? "coarse" : "fine", " label ",
                      int{is_coarse ? coarse : fine}, "; it must be 0 to ",
                      (is_coarse ? kCoarseClasses : kFineClasses) - 1);
}

class Cifar100Importer {
 public:
  Cifar100Importer(const Cifar100Files& source, const ImportOptions& options)
      : source_(source), options_(options) {}

  absl::StatusOr<ImportedDataset> Import() {
    ARCHPOOL_RETURN_IF_ERROR(ImportSide("train", source_.train));
    if (!source_.held_out.empty()) {
      ARCHPOOL_RETURN_IF_ERROR(ImportSide("held_out", source_.held_out));
    }
    dataset_.classes = source_.is_coarse ? kCoarseClasses : kFineClasses;
    dataset_.notes.push_back(absl::StrCat(
        "labels are CIFAR-100's ", source_.is_coarse ? "coarse" : "fine",
        " ones, of ", dataset_.classes, " classes"));
    return std::move(dataset_);
  }

 private:
  absl::Status ImportSide(const std::string& key,
                          const std::vector<std::string>& paths) {
    ARCHPOOL_ASSIGN_OR_RETURN(HiddenFile images, HiddenFile::Create());
    ARCHPOOL_ASSIGN_OR_RETURN(HiddenFile labels_file, HiddenFile::Create());
    const bool is_held_out = key != "train";
    const FormatKey batches = {
        .key = is_held_out ? "held_out_batches" : "train_batches",
        .is_held_out = is_held_out,
        .is_list = true};
    std::vector<uint8_t> labels;
    for (const std::string& path : paths) {
      DatasetFile file{.name = Printable(path), .bytes = ""};
      ARCHPOOL_ASSIGN_OR_RETURN(file.bytes,
                                ReadFile(path, kDatasetFileSizeMax));
      ARCHPOOL_RETURN_IF_ERROR(ReadRecords(file, images, labels));
      // What was read inflates to no more than the limit.
      ARCHPOOL_RETURN_IF_ERROR(seen_.Add(batches, file));
    }
    const int64_t count = std::ssize(labels);
    ARCHPOOL_RETURN_IF_ERROR(
        images.WriteAt(0, BytesOf(IdxImagesHeader(count, kCifar100Shape))));
    const std::string header = IdxLabelsHeader(count);
    ARCHPOOL_RETURN_IF_ERROR(labels_file.WriteAt(0, BytesOf(header)));
    ARCHPOOL_RETURN_IF_ERROR(labels_file.WriteAt(std::ssize(header), labels));
    std::string name = Printable(paths.front());
    if (paths.size() > 1) {
      absl::StrAppend(&name, " and ", paths.size() - 1, " more");
    }
    AddSide(key,
            {.images = std::move(images),
             .labels = std::move(labels_file),
             .images_name = name,
             .labels_name = name},
            dataset_);
    return absl::OkStatus();
  }

  // Appends one file's records to `images`, behind its header, and to `labels`.
  absl::Status ReadRecords(const DatasetFile& file, const HiddenFile& images,
                           std::vector<uint8_t>& labels) {
    DatasetFileReader reader(file.name, file.bytes);
    ARCHPOOL_ASSIGN_OR_RETURN(
        const absl::string_view head,
        reader.Peek(kCifar100TarMagicOffset + kCifar100TarMagic.size()));
    ARCHPOOL_RETURN_IF_ERROR(CheckIsCifar100(file.name, head));
    const size_t begin = labels.size();
    std::vector<uint8_t> records(kCifar100RecordsAtOnce * kCifar100RecordBytes);
    std::vector<uint8_t> pixels;
    std::optional<std::string> trouble;
    size_t file_bytes = 0;
    size_t size = records.size();
    while (size == records.size()) {
      if (options_.stop.stop_requested()) return Stopped();
      ARCHPOOL_ASSIGN_OR_RETURN(size, reader.Read(absl::MakeSpan(records)));
      file_bytes += size;
      const int64_t at = OffsetOf(labels.size());
      pixels.clear();
      for (size_t i = 0; i < size / kCifar100RecordBytes; ++i) {
        const uint8_t* const record = records.data() + i * kCifar100RecordBytes;
        if (!trouble.has_value()) {
          trouble =
              TroubleWithLabels(labels.size() - begin, record[0], record[1]);
        }
        labels.push_back(record[source_.is_coarse ? 0 : 1]);
        pixels.insert(pixels.end(), record + kCifar100LabelBytes,
                      record + kCifar100RecordBytes);
      }
      if (OffsetOf(labels.size()) > options_.file_bytes_max) {
        return InvalidArgument(
            "DATASET_TOO_LARGE",
            absl::StrCat(file.name,
                         ": with the files before it there are more "
                         "than ",
                         options_.file_bytes_max,
                         " bytes, which are accepted"));
      }
      ARCHPOOL_RETURN_IF_ERROR(images.WriteAt(at, pixels));
    }
    // In this order: in a file of other records, what is read as a label is
    // none.
    ARCHPOOL_RETURN_IF_ERROR(CheckCifar100Size(file.name, file_bytes));
    if (trouble.has_value()) return MalformedCifar100(file.name, *trouble);
    return absl::OkStatus();
  }

  // Where image `index` begins; a header is as long for any number of images.
  static int64_t OffsetOf(size_t index) {
    return std::ssize(IdxImagesHeader(1, kCifar100Shape)) +
           static_cast<int64_t>(index * kCifar100PixelBytes);
  }

  const Cifar100Files& source_;
  const ImportOptions& options_;
  ImportedDataset dataset_;
  SeenFiles seen_;
};

}  // namespace

absl::StatusOr<ImportedDataset> ImportCifar100(const Cifar100Files& source,
                                               const ImportOptions& options) {
  return Cifar100Importer(source, options).Import();
}

}  // namespace archpool
