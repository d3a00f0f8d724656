// SPDX-License-Identifier: Apache-2.0
#include "client/import/imported.h"

#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {

absl::Status Stopped() {
  return MakeError(absl::StatusCode::kCancelled, "STOPPED",
                   "stopped while the dataset was read: nothing was sent");
}

void AddSide(const std::string& key_begin, ImportedSide side,
             ImportedDataset& dataset) {
  for (auto& [file, name, key_end] :
       {std::tuple(&side.images, &side.images_name, "_images"),
        std::tuple(&side.labels, &side.labels_name, "_labels")}) {
    const std::string path = file->path();
    dataset.files[absl::StrCat(key_begin, key_end)] = {path};
    dataset.names[path] = std::move(*name);
    dataset.kept.push_back(std::move(*file));
  }
}

}  // namespace archpool
