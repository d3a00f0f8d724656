// SPDX-License-Identifier: Apache-2.0
// A folder that `archpool task result` or `archpool search` wrote, read again.
// It may have come from anybody.
#ifndef ARCHPOOL_CLIENT_RESULT_FOLDER_H_
#define ARCHPOOL_CLIENT_RESULT_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/import/one_picture.h"
#include "common/data/safetensors.h"
#include "common/export/exported_network.h"

namespace archpool {

// Value type.
struct ResultNetwork {
  ExportedNetwork network;
  TensorMap weights;   // finite, and the plan's
  PictureRules rules;  // of classes.json, where there is one
};

// Reads `text`, that of the file `name`, into the names of classes and the
// rules for pictures. INVALID_ARGUMENT (RESULT_FILE_MALFORMED).
absl::Status ParseClasses(absl::string_view name, absl::string_view text,
                          ResultNetwork& result);

// Reads architecture.json, weights.safetensors and, where it is there,
// classes.json in `directory`. Errors, whose messages name the file: ReadFile's
// and ParseArchitecture's; INVALID_ARGUMENT: RESULT_FILE_MALFORMED (weights or
// names that are broken, or of another network).
absl::StatusOr<ResultNetwork> ReadResultFolder(const std::string& directory);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RESULT_FOLDER_H_
