// SPDX-License-Identifier: Apache-2.0
#include "common/data/idx.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "common/base/status.h"
#include "common/data/foreign_file.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

constexpr uint8_t kUnsignedByte = 0x08;
constexpr size_t kMagicBytes = 4;
constexpr size_t kHeadBytes = 64;  // enough to know what else a file is
constexpr size_t kExtentBytes = 4;
constexpr size_t kAxesMax = 4;
constexpr size_t kStepBytes = size_t{64} << 20;
constexpr int64_t kCountUnlikely = int64_t{1} << 24;

absl::Status MalformedIdx(absl::string_view file, absl::string_view message) {
  return InvalidArgument("IDX_MALFORMED", absl::StrCat(file, ": ", message));
}

absl::Status TooLarge(absl::string_view file, absl::string_view message) {
  return InvalidArgument("IDX_TOO_LARGE", absl::StrCat(file, ": ", message));
}

absl::Status ReadExactly(DatasetFileReader& reader, absl::Span<uint8_t> out,
                         absl::string_view what) {
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t count, reader.Read(out));
  if (count == out.size()) return absl::OkStatus();
  return MalformedIdx(reader.name(),
                      absl::StrCat("ends after ", count, " of ", out.size(),
                                   " bytes of its ", what, ": it is cut off"));
}

// How many axes an IDX file may have, and what they are.
struct Axes {
  size_t min;
  size_t max;
  absl::string_view meaning;
};
constexpr Axes kImageAxes = {
    3, 4,
    "images are count x height x width, or count x channels x height x "
    "width"};
constexpr Axes kLabelAxes = {
    1, 1,
    "labels are one unsigned byte for each image, the number of its "
    "class"};

absl::Status NoIdx(absl::string_view file, absl::string_view first_bytes) {
  const std::string foreign = DescribeForeignFile(first_bytes);
  return MalformedIdx(
      file, foreign.empty() ? "does not begin with 0x0000: it is no IDX file"
                            : foreign);
}

// The extents in the header.
absl::StatusOr<std::vector<int64_t>> ReadExtents(DatasetFileReader& reader,
                                                 const Axes& expected) {
  const absl::string_view file = reader.name();
  ARCHPOOL_ASSIGN_OR_RETURN(const absl::string_view head,
                            reader.Peek(kHeadBytes));
  if (head.empty()) return MalformedIdx(file, "is empty");
  if (head.size() < kMagicBytes || head[0] != 0 || head[1] != 0) {
    return NoIdx(file, head);
  }
  const auto type = static_cast<uint8_t>(head[2]);
  if (type != kUnsignedByte) {
    return MalformedIdx(file, absl::StrCat("has the element type 0x",
                                           absl::Hex(type, absl::kZeroPad2),
                                           "; only 0x08, unsigned bytes, is "
                                           "accepted: write each value as one "
                                           "byte in [0, 255]"));
  }
  const auto axes = static_cast<uint8_t>(head[3]);
  if (axes < expected.min || axes > expected.max) {
    return MalformedIdx(
        file, absl::StrCat("has ", int{axes}, " axes instead of ", expected.min,
                           expected.min == expected.max
                               ? std::string()
                               : absl::StrCat(" to ", expected.max),
                           ": ", expected.meaning));
  }
  std::array<uint8_t, kAxesMax * kExtentBytes> bytes;
  ARCHPOOL_RETURN_IF_ERROR(ReadExactly(
      reader, absl::MakeSpan(bytes).subspan(0, kMagicBytes), "magic number"));
  ARCHPOOL_RETURN_IF_ERROR(ReadExactly(
      reader, absl::MakeSpan(bytes).subspan(0, axes * kExtentBytes), "header"));
  std::vector<int64_t> extents;
  for (size_t axis = 0; axis < axes; ++axis) {
    int64_t extent = 0;
    for (size_t i = 0; i < kExtentBytes; ++i) {
      extent = extent << 8 | bytes[axis * kExtentBytes + i];
    }
    extents.push_back(extent);
  }
  return extents;
}

// Recognises a header that was written the other way round.
std::string HintOfByteOrder(int64_t count) {
  const auto bits = static_cast<uint32_t>(count);
  return __builtin_bswap32(bits) < bits && count > kCountUnlikely
             ? "; the header seems to be little-endian, and IDX is big-endian"
             : "";
}

absl::StatusOr<size_t> SizeOf(absl::string_view file,
                              const std::vector<int64_t>& extents,
                              int64_t bytes_max) {
  int64_t size_bytes = 1;
  for (const int64_t extent : extents) {
    if (__builtin_mul_overflow(size_bytes, extent, &size_bytes) ||
        size_bytes > bytes_max) {
      return TooLarge(
          file, absl::StrCat("announces ", absl::StrJoin(extents, " x "),
                             " bytes; at most ", bytes_max, " are accepted",
                             HintOfByteOrder(extents[0])));
    }
  }
  return static_cast<size_t>(size_bytes);
}

// The elements behind the header, and nothing after them.
absl::StatusOr<std::vector<uint8_t>> ReadElements(DatasetFileReader& reader,
                                                  size_t size_bytes) {
  std::vector<uint8_t> elements;
  // A file that announces much and holds little gets no more memory than it
  // fills.
  while (elements.size() < size_bytes) {
    const size_t begin = elements.size();
    elements.resize(begin + std::min(kStepBytes, size_bytes - begin));
    const absl::Span<uint8_t> step = absl::MakeSpan(elements).subspan(begin);
    ARCHPOOL_ASSIGN_OR_RETURN(const size_t count, reader.Read(step));
    if (count == step.size()) continue;
    return MalformedIdx(
        reader.name(),
        absl::StrCat("ends after ", begin + count, " of ", size_bytes,
                     " bytes of its elements: it is cut off"));
  }
  uint8_t extra = 0;
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t extra_count,
                            reader.Read(absl::MakeSpan(&extra, 1)));
  if (extra_count != 0) {
    return MalformedIdx(reader.name(),
                        absl::StrCat("has bytes after the ", size_bytes,
                                     " bytes that its header announces"));
  }
  return elements;
}

absl::Status CheckLabels(absl::string_view file,
                         const std::vector<uint8_t>& labels, int64_t classes) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < classes) continue;
    const bool begins_at_1 =
        labels[i] == classes &&
        std::find(labels.begin(), labels.end(), 0) == labels.end();
    return MalformedIdx(
        file,
        absl::StrCat("label ", i, " is ", int{labels[i]}, ", but there are ",
                     classes, " classes, from 0 to ", classes - 1,
                     begins_at_1 ? "; these labels seem to begin at 1: "
                                   "subtract 1 from each"
                                 : ""));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Dataset> ParseIdx(absl::string_view images,
                                 absl::string_view labels, int64_t classes,
                                 const DatasetFileLimits& limits,
                                 const IdxNames& names) {
  for (const auto& [name, file] :
       {std::pair(absl::string_view(names.images), images),
        std::pair(absl::string_view(names.labels), labels)}) {
    if (static_cast<int64_t>(file.size()) > limits.file_bytes_max) {
      return TooLarge(name,
                      absl::StrCat("has ", file.size(), " bytes; at most ",
                                   limits.file_bytes_max, " are accepted"));
    }
  }
  DatasetFileReader image_reader(names.images, images);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<int64_t> image_extents,
                            ReadExtents(image_reader, kImageAxes));
  DatasetFileReader label_reader(names.labels, labels);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<int64_t> label_extents,
                            ReadExtents(label_reader, kLabelAxes));
  if (image_extents[0] != label_extents[0]) {
    return MalformedIdx(
        names.labels,
        absl::StrCat("there are ", label_extents[0], " labels for ",
                     image_extents[0], " images in ", names.images,
                     HintOfByteOrder(image_extents[0]),
                     HintOfByteOrder(label_extents[0])));
  }
  if (image_extents[0] == 0)
    return MalformedIdx(names.images, "holds no images");
  const size_t axes = image_extents.size();
  Dataset dataset;
  dataset.shape = {.channels = axes == 4 ? image_extents[1] : 1,
                   .height = image_extents[axes - 2],
                   .width = image_extents[axes - 1]};
  dataset.classes = classes;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const size_t image_bytes,
      SizeOf(names.images, image_extents, limits.bytes_max));
  const absl::Status in_limits =
      CheckDatasetLimits(dataset.shape, classes, image_extents[0]);
  if (!in_limits.ok()) {
    return MalformedIdx(
        names.images,
        absl::StrCat(in_limits.message(), HintOfByteOrder(image_extents[0])));
  }
  // One byte a label: no more than the images' bytes, which are within limits.
  ARCHPOOL_ASSIGN_OR_RETURN(
      dataset.labels,
      ReadElements(label_reader, static_cast<size_t>(label_extents[0])));
  ARCHPOOL_RETURN_IF_ERROR(CheckLabels(names.labels, dataset.labels, classes));
  ARCHPOOL_ASSIGN_OR_RETURN(dataset.images,
                            ReadElements(image_reader, image_bytes));
  return dataset;
}

absl::StatusOr<Dataset> LoadIdx(const std::string& images_path,
                                const std::string& labels_path, int64_t classes,
                                const DatasetFileLimits& limits) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string images,
                            ReadFile(images_path, limits.file_bytes_max));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string labels,
                            ReadFile(labels_path, limits.file_bytes_max));
  return ParseIdx(images, labels, classes, limits,
                  {.images = images_path, .labels = labels_path});
}

}  // namespace archpool
