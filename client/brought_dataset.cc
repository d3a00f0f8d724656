// SPDX-License-Identifier: Apache-2.0
#include "client/brought_dataset.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/import/class_folder.h"
#include "client/import/idx_array.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// How much of a dataset is read, over itself, on a terminal alone.
class ImportProgress {
 public:
  explicit ImportProgress(const Output& output) : output_(output) {}
  ~ImportProgress() {
    if (percent_ >= 0) output_.err << "\r\x1b[K" << std::flush;
  }
  ImportProgress(const ImportProgress&) = delete;
  ImportProgress& operator=(const ImportProgress&) = delete;

  void Show(int64_t done, int64_t whole) {
    const int64_t percent = 100 * done / whole;
    if (!output_.is_err_live || percent == percent_) return;
    percent_ = percent;
    output_.err << "\r  reading the images: " << percent << " %\x1b[K"
                << std::flush;
  }

 private:
  const Output& output_;
  int64_t percent_ = -1;
};

absl::Status CheckClasses(const DatasetSource& source,
                          const ImportedDataset& imported) {
  const int64_t found = imported.classes;
  // Arrays may lack the last classes; each folder is one, and CIFAR-100 says.
  const bool may_lack =
      !source.pictures.has_value() && !source.cifar100.has_value();
  const bool fits = source.classes == 0 || source.classes == found ||
                    (may_lack && source.classes > found);
  if (fits) return absl::OkStatus();
  return InvalidArgument(
      "CLASSES_MISMATCH",
      absl::StrCat("dataset.classes is ", source.classes, ", and there are ",
                   found,
                   " classes in what it names; correct it, or leave it out"));
}

// The arrays in IDX files that the pool does not take as they are.
std::optional<ArrayFiles> OtherIdxOf(const DatasetSource& source) {
  if (source.format != kImportedFormat) return std::nullopt;
  bool is_other = source.is_channels_last;
  for (const auto& [key, paths] : source.files) {
    for (const std::string& path : paths) {
      is_other = is_other || IsWideIdx(path);
    }
  }
  if (!is_other) return std::nullopt;
  const auto path_of = [&source](const char* key) {
    const auto found = source.files.find(key);
    return found == source.files.end() ? std::string() : found->second.front();
  };
  return ArrayFiles{.archive = "",
                    .train_images = path_of("train_images"),
                    .train_labels = path_of("train_labels"),
                    .held_out_images = path_of("held_out_images"),
                    .held_out_labels = path_of("held_out_labels"),
                    .channels = source.is_channels_first ? ArrayChannels::kFirst
                                : source.is_channels_last
                                    ? ArrayChannels::kLast
                                    : ArrayChannels::kByShape,
                    .format = ArrayFormat::kIdx};
}

absl::StatusOr<ImportedDataset> Import(const DatasetSource& source,
                                       const std::optional<ArrayFiles>& idx,
                                       const ImportOptions& options) {
  if (source.pictures.has_value()) {
    return ImportPictures(*source.pictures, options);
  }
  if (source.cifar100.has_value()) {
    return ImportCifar100(*source.cifar100, options);
  }
  return ImportArrays(idx.has_value() ? *idx : *source.arrays, options);
}

}  // namespace

absl::StatusOr<ImportedDataset> BringDataset(Context& context,
                                             DatasetSource& source) {
  ImportedDataset imported;
  const std::optional<ArrayFiles> idx = OtherIdxOf(source);
  if (!source.pictures.has_value() && !source.arrays.has_value() &&
      !source.cifar100.has_value() && !idx.has_value()) {
    return imported;
  }
  ImportProgress progress(context.output());
  const ImportOptions options{
      .stop = context.stop(),
      .progress = [&progress](int64_t done, int64_t whole) {
        progress.Show(done, whole);
      }};
  ARCHPOOL_ASSIGN_OR_RETURN(imported, Import(source, idx, options));
  ARCHPOOL_RETURN_IF_ERROR(CheckClasses(source, imported));
  source.format = kImportedFormat;
  source.files = imported.files;
  source.names = imported.names;
  source.class_names = imported.class_names;
  source.notes = imported.notes;
  if (source.classes == 0) source.classes = imported.classes;
  // They are: whatever shape it is.
  source.is_channels_first = true;
  return imported;
}

absl::StatusOr<PictureClasses> ClassesOf(const v1::Task& task,
                                         const TaskFile& file,
                                         const std::string& path) {
  if (!file.dataset.pictures.has_value()) {
    return InvalidArgument("CLASS_NAMES",
                           absl::StrCat(path,
                                        " names no folder of images, so its "
                                        "classes have no names"));
  }
  const PictureFolder& pictures = *file.dataset.pictures;
  ARCHPOOL_ASSIGN_OR_RETURN(ClassFolder folder, ListClassFolder(pictures));
  if (file.spec.name == task.spec().name() &&
      std::ssize(folder.classes) == task.manifest().classes()) {
    return PictureClasses{.names = std::move(folder.classes),
                          .fit = pictures.fit,
                          .background = pictures.background};
  }
  return InvalidArgument(
      "CLASS_NAMES",
      absl::StrCat(path, " is of another task than task-", task.task_id(),
                   ": its name is '", file.spec.name, "' with ",
                   folder.classes.size(), " classes, and the task's '",
                   task.spec().name(), "' with ", task.manifest().classes()));
}

Json ClassNamesJson(const v1::Task& task, const PictureClasses& classes) {
  Json json = {{"task_id", task.task_id()},
               {"classes", classes.names},
               {"fit", classes.fit == PictureFit::kCrop ? "crop" : "stretch"}};
  if (const std::optional<Rgb>& color = classes.background) {
    json["background"] = {color->red, color->green, color->blue};
  }
  return json;
}

}  // namespace archpool
