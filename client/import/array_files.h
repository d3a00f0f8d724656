// SPDX-License-Identifier: Apache-2.0
// Which arrays are images and which are labels. Thread-safe.
#ifndef ARCHPOOL_CLIENT_IMPORT_ARRAY_FILES_H_
#define ARCHPOOL_CLIENT_IMPORT_ARRAY_FILES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/import/byte_source.h"
#include "client/import/sources.h"

namespace archpool {

struct ArraySide {
  NamedSource images;
  NamedSource labels;
};

struct ArraySides {
  ArraySide train;
  std::optional<ArraySide> held_out;
  std::vector<std::string> notes;  // of what was left out; one sentence each
};

// The files that `source` names, or the arrays of its archive by the names that
// are usual: x_train and y_train (with x_test and y_test), train_images and
// train_labels (with test_images and test_labels), or images and labels.
// NUMPY_MALFORMED: none of them, two of them, or half; OpenZip's errors.
absl::StatusOr<ArraySides> FindArrays(const ArrayFiles& source);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_ARRAY_FILES_H_
