// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/import/class_folder.h"
#include "client/import/imported.h"
#include "client/import/picture.h"
#include "client/import/picture_converter.h"
#include "common/base/status.h"
#include "common/data/dataset.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

// The size that is stated, or the first picture's.
absl::StatusOr<TensorShape> ShapeOf(const PictureFolder& source,
                                    const ClassPicture& first) {
  TensorShape shape{.channels = source.is_gray ? 1 : 3,
                    .height = source.height,
                    .width = source.width};
  if (source.width > 0) return shape;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFile(first.path, kPictureFileBytesMax));
  ARCHPOOL_ASSIGN_OR_RETURN(const PictureHead head,
                            LookAtPicture(first.path, bytes));
  shape.width = head.ShownWidth();
  shape.height = head.ShownHeight();
  const absl::Status fits = CheckDatasetLimits(shape, 2, 1);
  if (fits.ok()) return shape;
  return InvalidArgument(
      "PICTURE_SIZES",
      absl::StrCat(Printable(first.path), ": ", fits.message(),
                   "; state what all become, such as 'size: 32x32' under "
                   "'dataset'"));
}

// Before anything is decoded for nothing.
absl::Status CheckBytes(const PictureFolder& source, size_t count,
                        const TensorShape& shape, int64_t bytes_max) {
  const auto pictures = static_cast<int64_t>(count);
  const int64_t header_bytes = std::ssize(IdxImagesHeader(pictures, shape));
  if (pictures <= (bytes_max - header_bytes) / shape.elements()) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "DATASET_TOO_LARGE",
      absl::StrCat(Printable(source.path), ": ", pictures, " pictures of ",
                   shape.channels, "x", shape.height, "x", shape.width, " are ",
                   pictures * shape.elements(), " bytes; at most ", bytes_max,
                   " are accepted: state a smaller 'size', or ",
                   shape.channels == 3 ? "'colors: gray', or " : "",
                   "take fewer"));
}

absl::StatusOr<ImportedSide> ImportSide(
    const std::vector<ClassPicture>& pictures, const PictureFolder& source,
    const TensorShape& shape, const std::string& size_of,
    const ImportOptions& options, PictureCounts& counts) {
  ARCHPOOL_RETURN_IF_ERROR(
      CheckBytes(source, pictures.size(), shape, options.file_bytes_max));
  ARCHPOOL_ASSIGN_OR_RETURN(HiddenFile images, HiddenFile::Create());
  ARCHPOOL_ASSIGN_OR_RETURN(HiddenFile labels, HiddenFile::Create());
  ARCHPOOL_RETURN_IF_ERROR(ConvertPictures(pictures, source, shape, size_of,
                                           options, images, counts));
  std::string bytes = IdxLabelsHeader(std::ssize(pictures));
  for (const ClassPicture& picture : pictures) {
    bytes.push_back(static_cast<char>(picture.label));
  }
  ARCHPOOL_RETURN_IF_ERROR(labels.WriteAt(0, BytesOf(bytes)));
  return ImportedSide{.images = std::move(images),
                      .labels = std::move(labels),
                      .images_name = "",
                      .labels_name = ""};
}

}  // namespace

absl::StatusOr<ImportedDataset> ImportPictures(const PictureFolder& source,
                                               const ImportOptions& options) {
  ARCHPOOL_ASSIGN_OR_RETURN(ClassFolder folder, ListClassFolder(source));
  const ClassPicture& first = folder.train.front();
  ARCHPOOL_ASSIGN_OR_RETURN(const TensorShape shape, ShapeOf(source, first));
  const std::string size_of = source.width > 0 ? "" : first.path;
  PictureCounts counts;
  ImportedDataset dataset{.files = {},
                          .names = {},
                          .classes = std::ssize(folder.classes),
                          .class_names = std::move(folder.classes),
                          .notes = std::move(folder.notes),
                          .kept = {}};
  for (const auto& [key, pictures, what] :
       {std::tuple("train", &folder.train, "to train on"),
        std::tuple("held_out", &folder.held_out, "held out")}) {
    if (pictures->empty()) continue;
    ARCHPOOL_ASSIGN_OR_RETURN(
        ImportedSide side,
        ImportSide(*pictures, source, shape, size_of, options, counts));
    side.images_name =
        absl::StrCat(Printable(source.path), " (images ", what, ")");
    side.labels_name =
        absl::StrCat(Printable(source.path), " (labels of those ", what, ")");
    AddSide(key, std::move(side), dataset);
  }
  for (std::string& note : counts.Notes()) {
    dataset.notes.push_back(std::move(note));
  }
  return dataset;
}

}  // namespace archpool
