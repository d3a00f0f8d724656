// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/task_views.h"

#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/wire/request_limits.h"
#include "server/storage/all_trials.h"

namespace archpool::rpc {
namespace {}  // namespace

absl::StatusOr<std::shared_ptr<const TaskView>> TaskViews::Get(TaskId task) {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = cache_.find(task);
    if (found != cache_.end()) return found->second;
    ++loads_[task].readers;
  }
  absl::StatusOr<std::shared_ptr<const TaskView>> view = Read(task);
  absl::MutexLock lock(&mutex_);
  const auto load = loads_.find(task);
  if (view.ok() && !load->second.is_stale) {
    cache_[task] = *view;
    // Ids grow with time: the oldest task is the least likely to be asked for.
    if (cache_.size() > cached_max_) cache_.erase(cache_.begin());
  }
  if (--load->second.readers == 0) loads_.erase(load);
  return view;
}

absl::StatusOr<std::shared_ptr<const TaskView>> TaskViews::Read(TaskId task) {
  auto view = std::make_shared<TaskView>();
  ARCHPOOL_ASSIGN_OR_RETURN(view->task, reader_.GetTask(task));
  ARCHPOOL_ASSIGN_OR_RETURN(const DatasetRecord dataset,
                            reader_.GetDataset(view->task.spec->dataset));
  view->manifest = dataset.manifest;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<SubspaceRecord> subspaces,
                            reader_.Subspaces(task));
  view->subspaces = static_cast<int64_t>(subspaces.size());
  ARCHPOOL_ASSIGN_OR_RETURN(
      view->backups, reader_.Leases({.task = task,
                                     .client = {},
                                     .account = {},
                                     .backups_only = true,
                                     .before = {},
                                     .limit = limits::kBackupsShownMax}));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Trial> trials,
                            AllTrials(reader_, task));
  view->summary = Summarize(trials);
  return view;
}

void TaskViews::Touch(TaskId task) {
  absl::MutexLock lock(&mutex_);
  cache_.erase(task);
  const auto load = loads_.find(task);
  if (load != loads_.end()) load->second.is_stale = true;
}

void TaskViews::TouchAll() {
  absl::MutexLock lock(&mutex_);
  cache_.clear();
  for (auto& [task, load] : loads_) load.is_stale = true;
}

}  // namespace archpool::rpc
