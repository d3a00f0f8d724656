// SPDX-License-Identifier: Apache-2.0
// A folder of pictures, as a task's file would say it. Thread-compatible.
#ifndef ARCHPOOL_CLIENT_FOUND_PICTURES_H_
#define ARCHPOOL_CLIENT_FOUND_PICTURES_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/found_data.h"

namespace archpool {

// Looks at some of the pictures, to find a size for all of them, and whether
// they have colours. Errors as FindData.
absl::StatusOr<FoundData> FindPictures(const std::string& folder,
                                       const FindOptions& options);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_FOUND_PICTURES_H_
