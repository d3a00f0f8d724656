// SPDX-License-Identifier: Apache-2.0
#include "client/brought_dataset.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/import/class_folder.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

constexpr int64_t kClassNamesBytesMax = int64_t{1} << 20;

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
  // Arrays may lack the last classes; each folder is one.
  const bool fits = source.classes == 0 || source.classes == found ||
                    (source.arrays.has_value() && source.classes > found);
  if (fits) return absl::OkStatus();
  return InvalidArgument(
      "CLASSES_MISMATCH",
      absl::StrCat("dataset.classes is ", source.classes, ", and there are ",
                   found,
                   " classes in what it names; correct it, or leave it out"));
}

}  // namespace

absl::StatusOr<ImportedDataset> BringDataset(Context& context,
                                             DatasetSource& source) {
  ImportedDataset imported;
  if (!source.pictures.has_value() && !source.arrays.has_value()) {
    return imported;
  }
  ImportProgress progress(context.output());
  const ImportOptions options{
      .stop = context.stop(),
      .progress = [&progress](int64_t done, int64_t whole) {
        progress.Show(done, whole);
      }};
  if (source.pictures.has_value()) {
    ARCHPOOL_ASSIGN_OR_RETURN(imported,
                              ImportPictures(*source.pictures, options));
  } else {
    ARCHPOOL_ASSIGN_OR_RETURN(imported, ImportArrays(*source.arrays, options));
  }
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

absl::StatusOr<std::vector<std::string>> ClassNamesOf(const v1::Task& task,
                                                      const std::string& path) {
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskFile file, LoadTaskFile(path));
  if (!file.dataset.pictures.has_value()) {
    return InvalidArgument("CLASS_NAMES",
                           absl::StrCat(path,
                                        " names no folder of images, so its "
                                        "classes have no names"));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(ClassFolder folder,
                            ListClassFolder(*file.dataset.pictures));
  if (file.spec.name == task.spec().name() &&
      std::ssize(folder.classes) == task.manifest().classes()) {
    return std::move(folder.classes);
  }
  return InvalidArgument(
      "CLASS_NAMES",
      absl::StrCat(path, " is of another task than task-", task.task_id(),
                   ": its name is '", file.spec.name, "' with ",
                   folder.classes.size(), " classes, and the task's '",
                   task.spec().name(), "' with ", task.manifest().classes()));
}

absl::StatusOr<std::string> WriteClassNames(
    const v1::Task& task, const std::vector<std::string>& names,
    const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/classes.json");
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    const absl::StatusOr<std::string> text =
        ReadFile(path, kClassNamesBytesMax);
    const Json earlier = Json::parse(text.ok() ? *text : "", nullptr,
                                     /*allow_exceptions=*/false);
    if (!earlier.is_object() ||
        earlier.value("task_id", Json()) != Json(task.task_id())) {
      return AlreadyExists(
          "FILE_EXISTS",
          absl::StrCat(path, " is there and is not of task-", task.task_id(),
                       "; it stays as it is. Name another --output"));
    }
  }
  const Json json = {{"task_id", task.task_id()}, {"classes", names}};
  ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(path, json.dump(2) + "\n"));
  return path;
}

}  // namespace archpool
