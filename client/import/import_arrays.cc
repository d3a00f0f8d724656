// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/import/array_files.h"
#include "client/import/idx_array.h"
#include "client/import/imported.h"
#include "client/import/npy.h"
#include "common/base/status.h"
#include "common/data/dataset.h"
#include "common/model/limits.h"

namespace archpool {
namespace {

// How many pixels in a row of an axis make a channel.
constexpr int64_t kArrayChannelsMax = 4;

enum class ArrayOrder { kFlat, kChannelsFirst, kChannelsLast };

struct ImageLayout {
  int64_t count = 0;
  TensorShape shape;
  ArrayOrder order = ArrayOrder::kFlat;
};

bool IsFewChannels(int64_t extent) {
  return extent >= 1 && extent <= kArrayChannelsMax;
}

absl::StatusOr<ArrayOrder> OrderOf(const std::string& name,
                                   const NpyHeader& header,
                                   ArrayChannels channels) {
  if (channels == ArrayChannels::kFirst) return ArrayOrder::kChannelsFirst;
  if (channels == ArrayChannels::kLast) return ArrayOrder::kChannelsLast;
  const bool may_be_first = IsFewChannels(header.shape[1]);
  const bool may_be_last = IsFewChannels(header.shape[3]);
  if (may_be_first != may_be_last) {
    return may_be_first ? ArrayOrder::kChannelsFirst
                        : ArrayOrder::kChannelsLast;
  }
  return MalformedNumpy(
      name, absl::StrCat("is ", header.DescribeShape(),
                         ", which does not say where the channels are: write "
                         "'channels: first' or 'channels: last' under "
                         "'dataset'"));
}

absl::StatusOr<ImageLayout> LayoutOf(const std::string& name,
                                     const NpyHeader& header,
                                     ArrayChannels channels,
                                     int64_t bytes_max) {
  ImageLayout layout;
  const std::vector<int64_t>& axes = header.shape;
  if (axes.size() == 3) {
    layout.shape = {.channels = 1, .height = axes[1], .width = axes[2]};
  } else if (axes.size() == 4) {
    ARCHPOOL_ASSIGN_OR_RETURN(layout.order, OrderOf(name, header, channels));
    layout.shape =
        layout.order == ArrayOrder::kChannelsFirst
            ? TensorShape{.channels = axes[1],
                          .height = axes[2],
                          .width = axes[3]}
            : TensorShape{
                  .channels = axes[3], .height = axes[1], .width = axes[2]};
  } else {
    return MalformedNumpy(
        name, absl::StrCat("is ", header.DescribeShape(),
                           "; images are count x height x width, with the "
                           "channels before or behind height and width: "
                           "reshape it"));
  }
  layout.count = axes[0];
  const absl::Status fits =
      CheckDatasetLimits(layout.shape, limits::kClasses.min, layout.count);
  if (!fits.ok()) return MalformedNumpy(name, fits.message());
  if (layout.count == 0) return MalformedNumpy(name, "holds no images");
  const int64_t header_bytes =
      std::ssize(IdxImagesHeader(layout.count, layout.shape));
  if (layout.count > (bytes_max - header_bytes) / layout.shape.elements()) {
    return InvalidArgument(
        "DATASET_TOO_LARGE",
        absl::StrCat(name, ": ", header.DescribeShape(), " pixels are ",
                     layout.count * layout.shape.elements(), " bytes; at most ",
                     bytes_max, " are accepted: take fewer or smaller images"));
  }
  return layout;
}

// Calls `take` with the place in storage order of each pixel, in the order of
// IDX: image after image, each channel after channel.
class StorageOrder {
 public:
  StorageOrder(const NpyHeader& header, const ImageLayout& layout)
      : layout_(layout), strides_(header.shape.size()) {
    int64_t stride = 1;
    for (size_t i = 0; i < strides_.size(); ++i) {
      const size_t axis = header.is_fortran ? i : strides_.size() - 1 - i;
      strides_[axis] = stride;
      stride *= header.shape[axis];
    }
  }

  // The pixels of image `i` out of `stored`, whose first is `begin` in storage.
  void Gather(const std::vector<uint8_t>& stored, int64_t begin, int64_t i,
              std::vector<uint8_t>& image) const {
    const TensorShape& shape = layout_.shape;
    const bool is_last = layout_.order == ArrayOrder::kChannelsLast;
    const bool is_flat = layout_.order == ArrayOrder::kFlat;
    const int64_t channel = is_flat ? 0 : strides_[is_last ? 3 : 1];
    const int64_t row = strides_[is_flat || is_last ? 1 : 2];
    const int64_t column = strides_[is_flat || is_last ? 2 : 3];
    image.clear();
    for (int64_t c = 0; c < shape.channels; ++c) {
      for (int64_t y = 0; y < shape.height; ++y) {
        const int64_t at = i * strides_[0] + c * channel + y * row - begin;
        for (int64_t x = 0; x < shape.width; ++x) {
          image.push_back(stored[static_cast<size_t>(at + x * column)]);
        }
      }
    }
  }

 private:
  const ImageLayout& layout_;
  std::vector<int64_t> strides_;
};

class ArrayImporter {
 public:
  ArrayImporter(const ArrayFiles& source, const ImportOptions& options)
      : source_(source), options_(options) {}

  absl::StatusOr<ImportedDataset> Import() {
    ARCHPOOL_ASSIGN_OR_RETURN(const ArraySides sides, FindArrays(source_));
    for (const std::string& note : sides.notes) Note(note);
    ARCHPOOL_RETURN_IF_ERROR(ImportSide("train", sides.train));
    if (sides.held_out.has_value()) {
      ARCHPOOL_RETURN_IF_ERROR(ImportSide("held_out", *sides.held_out));
    }
    dataset_.classes = std::max(largest_label_ + 1, limits::kClasses.min);
    return std::move(dataset_);
  }

 private:
  absl::Status ImportSide(const std::string& key, const ArraySide& side) {
    ARCHPOOL_ASSIGN_OR_RETURN(HiddenFile images, HiddenFile::Create());
    ARCHPOOL_ASSIGN_OR_RETURN(HiddenFile labels, HiddenFile::Create());
    ARCHPOOL_ASSIGN_OR_RETURN(const int64_t count,
                              WriteImages(side.images, images));
    ARCHPOOL_RETURN_IF_ERROR(
        WriteLabels(side.labels, side.images.name, count, labels));
    AddSide(key,
            {.images = std::move(images),
             .labels = std::move(labels),
             .images_name = side.images.name,
             .labels_name = side.labels.name},
            dataset_);
    return absl::OkStatus();
  }

  absl::StatusOr<NpyHeader> ReadHeader(const std::string& name,
                                       ByteSource& bytes) const {
    return source_.format == ArrayFormat::kIdx ? ReadIdxHeader(name, bytes)
                                               : ReadNpyHeader(name, bytes);
  }

  // Answers how many.
  absl::StatusOr<int64_t> WriteImages(const NamedSource& array,
                                      const HiddenFile& out) {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> bytes,
                              array.open());
    ARCHPOOL_ASSIGN_OR_RETURN(const NpyHeader header,
                              ReadHeader(array.name, *bytes));
    ARCHPOOL_ASSIGN_OR_RETURN(const ImageLayout layout,
                              LayoutOf(array.name, header, source_.channels,
                                       options_.file_bytes_max));
    ARCHPOOL_ASSIGN_OR_RETURN(const PixelScale scale,
                              ScaleOfArray(array, header));
    NoteUnderstood(array.name, header, layout, scale);
    const std::string idx_header = IdxImagesHeader(layout.count, layout.shape);
    ARCHPOOL_RETURN_IF_ERROR(out.WriteAt(0, BytesOf(idx_header)));
    const StorageOrder order(header, layout);
    // One image, or all where the first axis runs fastest. Both grow with
    // the bytes that come.
    const int64_t elements = layout.shape.elements();
    std::vector<uint8_t> stored;
    std::vector<uint8_t> image;
    int64_t written = 0;
    int64_t read = 0;
    const auto take = [&](absl::Span<const uint8_t> items) -> absl::Status {
      if (options_.stop.stop_requested()) return Stopped();
      ARCHPOOL_RETURN_IF_ERROR(
          AppendPixels(array.name, header, items, scale, read, stored));
      read += static_cast<int64_t>(items.size() / header.item_bytes);
      if (options_.progress) options_.progress(read, header.count);
      if (header.is_fortran && read < header.count) return absl::OkStatus();
      const int64_t begin = header.is_fortran ? 0 : written * elements;
      const int64_t whole = std::ssize(stored) / elements;
      for (int64_t i = 0; i < whole; ++i, ++written) {
        order.Gather(stored, begin, written, image);
        ARCHPOOL_RETURN_IF_ERROR(
            out.WriteAt(std::ssize(idx_header) + written * elements, image));
      }
      stored.erase(stored.begin(), stored.begin() + whole * elements);
      return absl::OkStatus();
    };
    ARCHPOOL_RETURN_IF_ERROR(ReadNpyItems(array.name, header, *bytes, take));
    return layout.count;
  }

  // Floats are read once more, for their range.
  absl::StatusOr<PixelScale> ScaleOfArray(const NamedSource& array,
                                          const NpyHeader& header) {
    if (header.kind != NpyKind::kFloat) return PixelScale::kBytes;
    ARCHPOOL_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> bytes,
                              array.open());
    ARCHPOOL_ASSIGN_OR_RETURN(const NpyHeader again,
                              ReadHeader(array.name, *bytes));
    std::optional<NpyRange> range;
    ARCHPOOL_RETURN_IF_ERROR(
        ReadNpyItems(array.name, again, *bytes,
                     [&](absl::Span<const uint8_t> items) -> absl::Status {
                       if (options_.stop.stop_requested()) return Stopped();
                       ExtendRange(again, items, range);
                       return absl::OkStatus();
                     }));
    ARCHPOOL_ASSIGN_OR_RETURN(const PixelScale scale,
                              ScaleOf(array.name, range.value_or(NpyRange())));
    if (scale_.has_value() && *scale_ != scale) {
      return WrongValues(array.name,
                         "goes up to 1 where the images to train on go up to "
                         "255, or the other way round: save both alike");
    }
    scale_ = scale;
    return scale;
  }

  void NoteUnderstood(const std::string& name, const NpyHeader& header,
                      const ImageLayout& layout, PixelScale scale) {
    std::string note =
        absl::StrCat(name, " is ", header.type, ", ", header.DescribeShape());
    if (layout.order == ArrayOrder::kChannelsFirst) {
      absl::StrAppend(&note, ", with the channels first");
    } else if (layout.order == ArrayOrder::kChannelsLast) {
      absl::StrAppend(&note, ", with the channels last");
    }
    if (header.kind == NpyKind::kFloat) {
      absl::StrAppend(&note, scale == PixelScale::kUnit
                                 ? ", from 0 to 1, and made 255 times as much"
                                 : ", from 0 to 255");
      absl::StrAppend(&note, ", rounded");
    }
    if (header.is_fortran) absl::StrAppend(&note, ", in Fortran's order");
    Note(note);
  }

  absl::Status WriteLabels(const NamedSource& array,
                           const std::string& images_name, int64_t count,
                           const HiddenFile& out) {
    ARCHPOOL_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> bytes,
                              array.open());
    ARCHPOOL_ASSIGN_OR_RETURN(const NpyHeader header,
                              ReadHeader(array.name, *bytes));
    const std::vector<int64_t>& axes = header.shape;
    const bool is_column = axes.size() == 2 && axes[1] == 1;
    if (axes.size() != 1 && !is_column) {
      return MalformedNumpy(
          array.name,
          absl::StrCat("is ", header.DescribeShape(),
                       "; labels are one integer for each image",
                       axes.size() == 2 ? ": where each row is a class written "
                                          "out, take its argmax(axis=1)"
                                        : ""));
    }
    if (axes[0] != count) {
      return MalformedNumpy(
          array.name, absl::StrCat("there are ", axes[0], " labels for ", count,
                                   " images in ", images_name));
    }
    std::vector<uint8_t> labels;
    ARCHPOOL_RETURN_IF_ERROR(ReadNpyItems(
        array.name, header, *bytes, [&](absl::Span<const uint8_t> items) {
          return AppendLabels(array.name, header, items, labels);
        }));
    const auto [least, largest] =
        std::minmax_element(labels.begin(), labels.end());
    largest_label_ = std::max<int64_t>(largest_label_, *largest);
    if (*least > 0) {
      Note(absl::StrCat("the labels of ", array.name, " begin at ", int{*least},
                        ": the classes before it have no image"));
    }
    const std::string idx_header = IdxLabelsHeader(count);
    ARCHPOOL_RETURN_IF_ERROR(out.WriteAt(0, BytesOf(idx_header)));
    return out.WriteAt(std::ssize(idx_header), labels);
  }

  void Note(const std::string& note) { dataset_.notes.push_back(note); }

  const ArrayFiles& source_;
  const ImportOptions& options_;
  ImportedDataset dataset_;
  std::optional<PixelScale> scale_;  // of the floats so far
  int64_t largest_label_ = 0;
};

// The same trouble, by the name of the format that it is in.
absl::Status AsOfIdx(const absl::Status& status) {
  const std::string reason = GetReason(status);
  if (reason == "NUMPY_MALFORMED") {
    return InvalidArgument("IDX_MALFORMED", status.message());
  }
  if (reason == "NUMPY_VALUES") {
    return InvalidArgument("IDX_VALUES", status.message());
  }
  return status;
}

}  // namespace

absl::StatusOr<ImportedDataset> ImportArrays(const ArrayFiles& source,
                                             const ImportOptions& options) {
  absl::StatusOr<ImportedDataset> imported =
      ArrayImporter(source, options).Import();
  if (imported.ok() || source.format == ArrayFormat::kNumpy) return imported;
  return AsOfIdx(imported.status());
}

}  // namespace archpool
