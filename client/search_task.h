// SPDX-License-Identifier: Apache-2.0
// The task of a search: opens it at the search's own pool, or continues it,
// follows it, and writes what it came to.
#ifndef ARCHPOOL_CLIENT_SEARCH_TASK_H_
#define ARCHPOOL_CLIENT_SEARCH_TASK_H_

#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/brought_dataset.h"
#include "client/context.h"
#include "client/search/parts.h"
#include "client/search/search_state.h"
#include "client/search/supervisor.h"
#include "client/search_audits.h"
#include "client/task_file.h"

namespace archpool {

// What makes a task another one: all that `file` says, and which files its
// images are in, by name and size, wherever they lie. What a task that is open
// learns from is with the pool, so other bytes in them change nothing.
std::string FingerprintOf(const TaskFile& file);

// nullopt: nothing was begun in the folder. ReadFile's errors;
// FAILED_PRECONDITION (SEARCH_STATE_MALFORMED).
absl::StatusOr<std::optional<search::SearchState>> ReadSearchState(
    const search::Folder& folder);

// Shows what an ended task came to, as it was written then. ABORTED
// (TASK_FAILED): no training was accepted.
absl::Status ShowEndedSearch(Context& context, const search::Folder& folder,
                             const search::SearchState& state);

// One call of the command. Thread-compatible. All that it is given outlives it.
class SearchTask {
 public:
  // What was asked for, and the path of the file that says it.
  struct Asked {
    const TaskFile& file;
    const std::string& path;
  };
  // `stop` ends it.
  SearchTask(Context& context, const search::Folder& folder, const Asked& asked,
             search::NextStep next, search::Supervisor& supervisor,
             std::stop_token stop);

  // Everything from the server's start to the results, which are not shown yet.
  // The supervisor runs meanwhile, on another thread.
  absl::Status Drive();

  // Shows them. ABORTED (TASK_FAILED). REQUIRES: has_ended().
  absl::Status ShowEnd();

  // Whether the results are written.
  bool has_ended() const { return ended_.has_value(); }
  // Whether the pool is known to have the task.
  bool is_open() const { return state_.task_id != 0; }

 private:
  absl::Status OpenTask(Context& op, Context& client);
  PictureClasses FindClasses(const v1::Task& task) const;
  absl::Status WriteEnd(Context& client, const v1::Task& task);
  std::string ResultPath() const { return folder_.ResultPath(state_.number); }

  Context& context_;
  const search::Folder& folder_;
  const TaskFile& file_;
  const std::string& path_;
  const search::Step step_;
  search::SearchState state_;
  search::Supervisor& supervisor_;
  const std::stop_token stop_;
  std::optional<v1::Task> ended_;
  SearchAudits audits_;  // of that
};

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_SEARCH_TASK_H_
