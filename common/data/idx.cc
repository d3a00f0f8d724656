#include "common/data/idx.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "common/base/status.h"
#include "common/data/gzip.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

constexpr uint8_t kUnsignedByte = 0x08;
constexpr size_t kMagicBytes = 4;
constexpr size_t kExtentBytes = 4;
constexpr size_t kAxesMax = 4;

// The bytes of a file, inflated on the way where they are gzip.
class ByteSource {
 public:
  explicit ByteSource(absl::string_view bytes) : plain_(bytes) {
    if (IsGzip(bytes)) gzip_ = std::make_unique<GzipReader>(bytes);
  }

  // As GzipReader::Read.
  absl::StatusOr<size_t> Read(absl::Span<uint8_t> out) {
    if (gzip_ != nullptr) return gzip_->Read(out);
    const size_t count = std::min(out.size(), plain_.size());
    if (count > 0) std::memcpy(out.data(), plain_.data(), count);
    plain_.remove_prefix(count);
    return count;
  }

 private:
  absl::string_view plain_;
  std::unique_ptr<GzipReader> gzip_;
};

absl::Status Malformed(absl::string_view file, absl::string_view message) {
  return InvalidArgument("IDX_MALFORMED",
                         absl::StrCat("IDX ", file, ": ", message));
}

absl::Status TooLarge(absl::string_view file, absl::string_view message) {
  return InvalidArgument("IDX_TOO_LARGE",
                         absl::StrCat("IDX ", file, ": ", message));
}

absl::Status ReadExactly(absl::string_view file, ByteSource& source,
                         absl::Span<uint8_t> out, absl::string_view what) {
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t count, source.Read(out));
  if (count == out.size()) return absl::OkStatus();
  return Malformed(file, absl::StrCat("ends after ", count, " of ", out.size(),
                                      " bytes of its ", what));
}

// The extents in the header: `axes_min` to `axes_max` of them.
absl::StatusOr<std::vector<int64_t>> ReadExtents(absl::string_view file,
                                                 ByteSource& source,
                                                 size_t axes_min,
                                                 size_t axes_max) {
  std::array<uint8_t, kMagicBytes> magic;
  ARCHPOOL_RETURN_IF_ERROR(
      ReadExactly(file, source, absl::MakeSpan(magic), "magic number"));
  if (magic[0] != 0 || magic[1] != 0) {
    return Malformed(file, "does not begin with 0x0000: it is no IDX file");
  }
  if (magic[2] != kUnsignedByte) {
    return Malformed(file, absl::StrCat("has the element type 0x",
                                        absl::Hex(magic[2], absl::kZeroPad2),
                                        "; only 0x08, unsigned bytes, is "
                                        "accepted"));
  }
  const size_t axes = magic[3];
  if (axes < axes_min || axes > axes_max) {
    return Malformed(
        file,
        absl::StrCat("has ", axes, " axes instead of ", axes_min,
                     axes_min == axes_max ? std::string()
                                          : absl::StrCat(" to ", axes_max)));
  }
  std::array<uint8_t, kAxesMax * kExtentBytes> bytes;
  ARCHPOOL_RETURN_IF_ERROR(ReadExactly(
      file, source, absl::MakeSpan(bytes).subspan(0, axes * kExtentBytes),
      "header"));
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

absl::StatusOr<size_t> SizeOf(absl::string_view file,
                              const std::vector<int64_t>& extents,
                              int64_t bytes_max) {
  int64_t size_bytes = 1;
  for (const int64_t extent : extents) {
    if (__builtin_mul_overflow(size_bytes, extent, &size_bytes) ||
        size_bytes > bytes_max) {
      return TooLarge(
          file, absl::StrCat("announces ", absl::StrJoin(extents, " x "),
                             " bytes; at most ", bytes_max, " are accepted"));
    }
  }
  return static_cast<size_t>(size_bytes);
}

// The elements behind the header, and nothing after them.
absl::StatusOr<std::vector<uint8_t>> ReadElements(absl::string_view file,
                                                  ByteSource& source,
                                                  size_t size_bytes) {
  std::vector<uint8_t> elements(size_bytes);
  ARCHPOOL_RETURN_IF_ERROR(
      ReadExactly(file, source, absl::MakeSpan(elements), "elements"));
  uint8_t extra = 0;
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t extra_count,
                            source.Read(absl::MakeSpan(&extra, 1)));
  if (extra_count != 0) {
    return Malformed(file, absl::StrCat("goes on after the ", size_bytes,
                                        " bytes that its header announces"));
  }
  return elements;
}

}  // namespace

absl::StatusOr<Dataset> ParseIdx(absl::string_view images,
                                 absl::string_view labels, int64_t classes,
                                 const IdxLimits& limits) {
  for (const absl::string_view file : {images, labels}) {
    if (static_cast<int64_t>(file.size()) > limits.file_bytes_max) {
      return TooLarge("file",
                      absl::StrCat("has ", file.size(), " bytes; at most ",
                                   limits.file_bytes_max, " are accepted"));
    }
  }
  ByteSource image_source(images);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<int64_t> image_extents,
                            ReadExtents("images", image_source, 3, 4));
  ByteSource label_source(labels);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<int64_t> label_extents,
                            ReadExtents("labels", label_source, 1, 1));
  if (image_extents[0] != label_extents[0]) {
    return Malformed(
        "labels", absl::StrCat("there are ", label_extents[0], " labels for ",
                               image_extents[0], " images"));
  }
  const size_t axes = image_extents.size();
  Dataset dataset;
  dataset.shape = {.channels = axes == 4 ? image_extents[1] : 1,
                   .height = image_extents[axes - 2],
                   .width = image_extents[axes - 1]};
  dataset.classes = classes;
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t image_bytes,
                            SizeOf("images", image_extents, limits.bytes_max));
  const absl::Status in_limits =
      CheckDatasetLimits(dataset.shape, classes, image_extents[0]);
  if (!in_limits.ok()) return Malformed("images", in_limits.message());
  // One byte a label: no more than the images' bytes, which are within limits.
  ARCHPOOL_ASSIGN_OR_RETURN(
      dataset.labels, ReadElements("labels", label_source,
                                   static_cast<size_t>(label_extents[0])));
  for (size_t i = 0; i < dataset.labels.size(); ++i) {
    if (dataset.labels[i] >= classes) {
      return Malformed("labels",
                       absl::StrCat("label ", i, " is ", dataset.labels[i],
                                    ", but there are ", classes, " classes"));
    }
  }
  ARCHPOOL_ASSIGN_OR_RETURN(dataset.images,
                            ReadElements("images", image_source, image_bytes));
  return dataset;
}

absl::StatusOr<Dataset> LoadIdx(const std::string& images_path,
                                const std::string& labels_path, int64_t classes,
                                const IdxLimits& limits) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string images,
                            ReadFile(images_path, limits.file_bytes_max));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string labels,
                            ReadFile(labels_path, limits.file_bytes_max));
  absl::StatusOr<Dataset> dataset = ParseIdx(images, labels, classes, limits);
  if (!dataset.ok()) {
    return MakeError(dataset.status().code(), GetReason(dataset.status()),
                     absl::StrCat(dataset.status().message(), " (in ",
                                  images_path, " and ", labels_path, ")"));
  }
  return dataset;
}

}  // namespace archpool
