// SPDX-License-Identifier: Apache-2.0
// The file in which a client describes a task (deploy/examples explains one).
#ifndef ARCHPOOL_CLIENT_TASK_FILE_H_
#define ARCHPOOL_CLIENT_TASK_FILE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/import/sources.h"
#include "common/data/dataset_format.h"
#include "common/model/task_spec.h"

namespace archpool {

// Where the images lie, and how they are split. Paths are ready to be opened:
// what the file gives is relative to the file itself. What is brought as
// pictures, arrays or CIFAR-100 has no format, no files and perhaps no number
// of classes until BringDataset (client/brought_dataset.h) made files of it.
struct DatasetSource {
  std::string format;  // a word of DatasetFormats()
  // By the format's keys. None of those of the held-out split where
  // held_out_count is drawn from the train images.
  DatasetPaths files;
  int64_t classes = 0;
  int64_t validation_count = 0;
  int64_t held_out_count = 0;  // 0 where there are held-out files
  // Stated outright: images that look otherwise are meant so.
  bool is_channels_first = false;
  bool is_channels_last = false;  // of IDX files, which are turned here

  std::optional<PictureFolder> pictures;  // at most one of these three
  std::optional<ArrayFiles> arrays;
  std::optional<Cifar100Files> cifar100;
  // What BringDataset found: names of files by path, where they are not the
  // path; of classes by label, where they have any; one sentence each.
  std::map<std::string, std::string> names;
  std::vector<std::string> class_names;
  std::vector<std::string> notes;

  // What messages call the file.
  const std::string& NameOf(const std::string& path) const {
    const auto found = names.find(path);
    return found == names.end() ? path : found->second;
  }

  friend bool operator==(const DatasetSource&, const DatasetSource&) = default;
};

struct TaskFile {
  TaskSpec spec;  // spec.dataset is zero: its digest is known after the upload
  DatasetSource dataset;
};

// Answers what keeps the file at a path from being read, "" where nothing does.
using FileTrouble = std::function<std::string(const std::string& path)>;

// Reads a task out of YAML. `file_name` begins each message, and its folder is
// what paths are relative to. `file_trouble` is asked about each of them,
// `folder_trouble` about those of folders.
// INVALID_ARGUMENT (TASK_FILE_INVALID): the message has one line for each
// problem, up to twenty: "file:line:column: what is wrong; what would be
// right".
absl::StatusOr<TaskFile> ParseTaskFile(absl::string_view text,
                                       const std::string& file_name,
                                       const FileTrouble& file_trouble,
                                       const FileTrouble& folder_trouble);

// The same of this machine's files, and of its folders.
std::string TroubleWith(const std::string& path);
std::string TroubleWithFolder(const std::string& path);

// The same, from a file. Also NOT_FOUND (FILE_NOT_FOUND), FAILED_PRECONDITION
// (FILE_UNREADABLE), INVALID_ARGUMENT (FILE_TOO_LARGE).
absl::StatusOr<TaskFile> LoadTaskFile(const std::string& path);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_TASK_FILE_H_
