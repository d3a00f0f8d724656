// SPDX-License-Identifier: Apache-2.0
// A dataset that a client brings as pictures or as arrays, made into files that
// the pool takes. Thread-compatible.
#ifndef ARCHPOOL_CLIENT_BROUGHT_DATASET_H_
#define ARCHPOOL_CLIENT_BROUGHT_DATASET_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "archpool/v1/task.pb.h"
#include "client/context.h"
#include "client/import/imported.h"
#include "client/task_file.h"

namespace archpool {

// Replaces what `source` names by IDX files, which are there as long as the
// answer lives; leaves a dataset that has a format alone. Says on stderr how
// far it is, where that is a terminal. Errors as ImportPictures and
// ImportArrays; CLASSES_MISMATCH (a number of classes is stated, and what is
// brought has another).
absl::StatusOr<ImportedDataset> BringDataset(Context& context,
                                             DatasetSource& source);

// The names of the classes that the pictures of the task's file at `path` have,
// by label. INVALID_ARGUMENT: LoadTaskFile's and ListClassFolder's errors;
// CLASS_NAMES (no pictures, or of another task by its name or its number of
// classes).
absl::StatusOr<std::vector<std::string>> ClassNamesOf(const v1::Task& task,
                                                      const std::string& path);

// Writes them to classes.json in `directory`, which is there; answers its path.
// ALREADY_EXISTS (FILE_EXISTS): it is there and of another task.
absl::StatusOr<std::string> WriteClassNames(
    const v1::Task& task, const std::vector<std::string>& names,
    const std::string& directory);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_BROUGHT_DATASET_H_
