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

// What the client's own files say of the task. Value type.
struct ResultSource {
  PictureClasses classes;
  std::string task_file;  // its path; "": not known
};

// Writes into `directory`, made where it is missing:
//   summary.json           what the task came to
//   result.json            the task in full, its front, its shares
//   the best network's files (client/network_folder.h)
//   front/trial-N/         each network's of the front
// reproduction.json is among a network's files once the task has ended, where
// the pool tells how it was trained; else stderr hears why not.
// Answers the paths written. FAILED_PRECONDITION (NO_RESULT): no trial was
// accepted. ALREADY_EXISTS (FILE_EXISTS): a file of one of those names is there
// and not of this task. Files are replaced whole or not at all.
absl::StatusOr<std::vector<std::string>> WriteResult(
    Context& context, const v1::Task& task, const ResultSource& source,
    const std::string& directory);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RESULT_H_
