// SPDX-License-Identifier: Apache-2.0
// A dataset that a client brings as pictures, as arrays or otherwise, made into
// files that the pool takes. Thread-compatible.
#ifndef ARCHPOOL_CLIENT_BROUGHT_DATASET_H_
#define ARCHPOOL_CLIENT_BROUGHT_DATASET_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "archpool/v1/task.pb.h"
#include "client/context.h"
#include "client/import/imported.h"
#include "client/import/sources.h"
#include "client/task_file.h"

namespace archpool {

// Replaces what `source` names by IDX files, which are there as long as the
// answer lives; leaves a dataset that has a format alone, but for IDX files of
// numbers that are no bytes, or with their channels last. Says on stderr how
// far it is, where that is a terminal. Errors as ImportPictures, ImportArrays
// and ImportCifar100; CLASSES_MISMATCH (a number of classes is stated, and what
// is brought has another).
absl::StatusOr<ImportedDataset> BringDataset(Context& context,
                                             DatasetSource& source);

// The classes of a folder of pictures, and what else of it a program that is
// given another picture must know.
struct PictureClasses {
  std::vector<std::string> names;  // by label; empty: they have none
  PictureFit fit = PictureFit::kCrop;
  std::optional<Rgb> background;
};

// Those of a task's file that was read from `path`. INVALID_ARGUMENT:
// ListClassFolder's errors; CLASS_NAMES (no pictures, or of another task by its
// name or its number of classes).
absl::StatusOr<PictureClasses> ClassesOf(const v1::Task& task,
                                         const TaskFile& file,
                                         const std::string& path);

// What classes.json holds (docs/networks.md).
Json ClassNamesJson(const v1::Task& task, const PictureClasses& classes);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_BROUGHT_DATASET_H_
