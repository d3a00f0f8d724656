// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/task_views.h"

#include <utility>
#include <variant>

#include "common/base/status.h"
#include "common/wire/request_limits.h"
#include "server/storage/all_trials.h"

namespace archpool::rpc {
namespace {

// Ended tasks whose sums are kept until somebody asks for them.
constexpr size_t kEndedKeptMax = 16;

}  // namespace

absl::StatusOr<AccountId> TaskViews::ClientOf(TaskId task) {
  {
    absl::MutexLock lock(&mutex_);
    const auto kept = kept_.find(task);
    if (kept != kept_.end()) return kept->second.task.client;
    const auto cached = cache_.find(task);
    if (cached != cache_.end()) return cached->second->task.client;
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const Task found, reader_.GetTask(task));
  return found.client;
}

absl::StatusOr<std::shared_ptr<const TaskView>> TaskViews::Get(TaskId task) {
  Digest dataset;
  {
    absl::MutexLock lock(&mutex_);
    const auto cached = cache_.find(task);
    if (cached != cache_.end()) return cached->second;
    const auto found = kept_.find(task);
    if (found != kept_.end()) {
      Kept& kept = found->second;
      if (kept.view != nullptr) return kept.view;
      if (kept.manifest && kept.backups) return BuildLocked(task, kept);
      dataset = kept.task.spec->dataset;
    }
  }
  if (dataset.IsZero()) return LoadEnded(task);
  ARCHPOOL_RETURN_IF_ERROR(Complete(task, dataset));
  {
    absl::MutexLock lock(&mutex_);
    const auto found = kept_.find(task);
    if (found != kept_.end() && found->second.manifest) {
      return BuildLocked(task, found->second);
    }
  }
  return LoadEnded(task);  // it is kept no more
}

absl::Status TaskViews::Complete(TaskId task, const Digest& dataset) {
  bool lacks_manifest = false;
  int64_t version = 0;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = kept_.find(task);
    if (found == kept_.end()) return absl::OkStatus();
    lacks_manifest = !found->second.manifest;
    version = found->second.backups_version;
  }
  std::optional<DatasetManifest> manifest;
  if (lacks_manifest) {
    ARCHPOOL_ASSIGN_OR_RETURN(const DatasetRecord record,
                              reader_.GetDataset(dataset));
    manifest = record.manifest;
  }
  ARCHPOOL_ASSIGN_OR_RETURN(std::vector<Lease> backups, ReadBackups(task));
  absl::MutexLock lock(&mutex_);
  const auto found = kept_.find(task);
  if (found == kept_.end()) return absl::OkStatus();
  Kept& kept = found->second;
  if (manifest) kept.manifest = manifest;
  // Another one may have changed meanwhile: its reader reads them again.
  if (kept.backups_version == version) kept.backups = std::move(backups);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Lease>> TaskViews::ReadBackups(TaskId task) {
  return reader_.Leases({.task = task,
                         .client = {},
                         .account = {},
                         .backups_only = true,
                         .before = {},
                         .limit = limits::kBackupsShownMax});
}

TaskViews::View TaskViews::BuildLocked(TaskId id, Kept& kept) {
  auto view = std::make_shared<TaskView>();
  view->task = kept.task;
  view->manifest = *kept.manifest;
  view->subspaces = static_cast<int64_t>(kept.subspaces.size());
  view->summary = kept.summary.Get();
  const bool is_whole = kept.backups.has_value();
  if (is_whole) view->backups = *kept.backups;
  if (!is_whole) return view;
  kept.view = view;
  // It never changes again.
  if (IsEnded(kept.task.state)) {
    CacheLocked(id, view);
    ended_.erase(id);
    kept_.erase(id);  // `kept` with it
  }
  return view;
}

void TaskViews::CacheLocked(TaskId task, const View& view) {
  cache_[task] = view;
  // Ids grow with time: the oldest task is the least likely to be asked for.
  if (cache_.size() > cached_max_) cache_.erase(cache_.begin());
}

absl::StatusOr<TaskViews::View> TaskViews::LoadEnded(TaskId task) {
  {
    absl::MutexLock lock(&mutex_);
    ++loads_[task].readers;
  }
  absl::StatusOr<View> view = ReadEnded(task);
  absl::MutexLock lock(&mutex_);
  const auto load = loads_.find(task);
  if (view.ok() && !load->second.is_stale && IsEnded((*view)->task.state)) {
    CacheLocked(task, *view);
  }
  if (--load->second.readers == 0) loads_.erase(load);
  return view;
}

absl::StatusOr<TaskViews::View> TaskViews::ReadEnded(TaskId task) {
  auto view = std::make_shared<TaskView>();
  ARCHPOOL_ASSIGN_OR_RETURN(view->task, reader_.GetTask(task));
  ARCHPOOL_ASSIGN_OR_RETURN(const DatasetRecord dataset,
                            reader_.GetDataset(view->task.spec->dataset));
  view->manifest = dataset.manifest;
  ARCHPOOL_ASSIGN_OR_RETURN(view->backups, ReadBackups(task));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<SummaryRecord> stored,
                            reader_.Summaries({task}));
  ARCHPOOL_RETURN_IF_ERROR(stored.empty() ? SumUp(task, *view)
                                          : TakeStored(stored.front(), *view));
  return view;
}

// For a task that a server from before summaries ended.
absl::Status TaskViews::SumUp(TaskId task, TaskView& view) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<SubspaceRecord> subspaces,
                            reader_.Subspaces(task));
  view.subspaces = static_cast<int64_t>(subspaces.size());
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Trial> trials,
                            AllTrials(reader_, task));
  view.summary = Summarize(trials);
  return absl::OkStatus();
}

absl::Status TaskViews::TakeStored(const SummaryRecord& stored,
                                   TaskView& view) {
  view.subspaces = stored.subspaces;
  static_cast<TaskSums&>(view.summary) = stored.sums;
  for (const TrialId id : stored.front) {
    ARCHPOOL_ASSIGN_OR_RETURN(Trial trial, reader_.GetTrial(id));
    view.summary.front.push_back(std::move(trial));
  }
  if (!view.summary.front.empty()) {
    view.summary.best = view.summary.front.back();
  }
  return absl::OkStatus();
}

void TaskViews::Apply(absl::Span<const Event> events) {
  absl::MutexLock lock(&mutex_);
  ApplyLocked(events);
}

void TaskViews::Load(absl::Span<const Event> records) {
  absl::MutexLock lock(&mutex_);
  kept_.clear();
  ended_.clear();
  cache_.clear();
  for (auto& [task, load] : loads_) load.is_stale = true;
  ApplyLocked(records);
}

// Tasks first, wherever they stand: what else there is belongs to one.
void TaskViews::ApplyLocked(absl::Span<const Event> events) {
  for (const Event& event : events) {
    if (const auto* task = std::get_if<Task>(&event)) NoteTask(*task);
  }
  for (const Event& event : events) {
    if (const auto* subspace = std::get_if<SubspaceRecord>(&event)) {
      Note(*subspace);
    } else if (const auto* lease = std::get_if<Lease>(&event)) {
      Note(*lease);
    } else if (const auto* trial = std::get_if<Trial>(&event)) {
      Note(*trial);
    }
  }
}

TaskViews::Kept* TaskViews::Changing(TaskId task) {
  const auto found = kept_.find(task);
  if (found != kept_.end()) {
    found->second.view = nullptr;
    return &found->second;
  }
  cache_.erase(task);
  const auto load = loads_.find(task);
  if (load != loads_.end()) load->second.is_stale = true;
  return nullptr;
}

void TaskViews::NoteTask(const Task& task) {
  Kept* kept = Changing(task.id);
  if (kept == nullptr) {
    // A new one. What has ended is read when somebody asks for it.
    if (IsEnded(task.state)) return;
    kept = &kept_[task.id];
  }
  kept->task = task;
  if (!IsEnded(task.state)) return;
  ended_.insert(task.id);
  if (ended_.size() <= kEndedKeptMax) return;
  kept_.erase(*ended_.begin());
  ended_.erase(ended_.begin());
}

void TaskViews::Note(const SubspaceRecord& subspace) {
  if (Kept* kept = Changing(subspace.task)) kept->subspaces.insert(subspace.id);
}

void TaskViews::Note(const Lease& lease) {
  if (lease.role != LeaseRole::kBackup) return;
  if (Kept* kept = Changing(lease.task)) {
    ++kept->backups_version;
    kept->backups.reset();
  }
}

void TaskViews::Note(const Trial& trial) {
  if (Kept* kept = Changing(trial.task)) kept->summary.Put(trial);
}

}  // namespace archpool::rpc
