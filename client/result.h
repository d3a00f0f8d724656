// SPDX-License-Identifier: Apache-2.0
// A task's result as files: the best network and the front, with all that is
// needed to check and to rebuild them.
#ifndef ARCHPOOL_CLIENT_RESULT_H_
#define ARCHPOOL_CLIENT_RESULT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "archpool/v1/task.pb.h"
#include "client/brought_dataset.h"
#include "client/context.h"

namespace archpool {

// Writes into `directory`, made where it is missing:
//   summary.json           what the task came to
//   result.json            the task in full, its front, its shares
//   the best network's files (client/network_folder.h)
//   front/trial-N/         each network's of the front
// Answers the paths written. FAILED_PRECONDITION (NO_RESULT): no trial was
// accepted. ALREADY_EXISTS (FILE_EXISTS): a file of one of those names is there
// and not of this task. Files are replaced whole or not at all.
absl::StatusOr<std::vector<std::string>> WriteResult(
    Context& context, const v1::Task& task, const PictureClasses& classes,
    const std::string& directory);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RESULT_H_
