// SPDX-License-Identifier: Apache-2.0
// Tasks summed up for reading, from committed records. The sums of open tasks
// are kept as their trials change: no read looks at all of them. Those of a
// task that has ended were stored with its end, or are summed up once where a
// server from before did not, and are kept while others are not asked for.
// Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_TASK_VIEWS_H_
#define ARCHPOOL_SERVER_RPC_TASK_VIEWS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/model/ids.h"
#include "server/core/records/entities.h"
#include "server/core/views/running_summary.h"
#include "server/rpc/records_to_proto.h"
#include "server/storage/store.h"

namespace archpool::rpc {

class TaskViews {
 public:
  // Keeps at most `cached_max` views of ended tasks. `reader` outlives this.
  TaskViews(Reader& reader, size_t cached_max)
      : reader_(reader), cached_max_(cached_max) {}

  // May block on the database. NOT_FOUND (TASK_UNKNOWN); the reader's errors.
  absl::StatusOr<std::shared_ptr<const TaskView>> Get(TaskId task)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The account of the task's client, which costs little. May block on the
  // database. Errors as of Get.
  absl::StatusOr<AccountId> ClientOf(TaskId task) ABSL_LOCKS_EXCLUDED(mutex_);

  // These records were committed.
  void Apply(absl::Span<const Event> events) ABSL_LOCKS_EXCLUDED(mutex_);
  // These are all that is open; what was known before is forgotten.
  void Load(absl::Span<const Event> records) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using View = std::shared_ptr<const TaskView>;

  // A task that is open, or was when this was last told of it.
  struct Kept {
    Task task;
    RunningSummary summary;
    absl::btree_set<SubspaceId> subspaces;
    // From the database, when they are first asked for; backups again after
    // each change of one.
    std::optional<DatasetManifest> manifest;
    std::optional<std::vector<Lease>> backups;
    int64_t backups_version = 0;
    View view;  // nullptr since the latest change
  };
  // Loads of ended tasks under way: what a change overtook is handed out, not
  // cached.
  struct Loading {
    int64_t readers = 0;
    bool is_stale = false;
  };

  void ApplyLocked(absl::Span<const Event> events)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteTask(const Task& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Note(const SubspaceRecord& subspace)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Note(const Lease& lease) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Note(const Trial& trial) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // nullptr where it is not kept: then what is known of it is forgotten.
  Kept* Changing(TaskId task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  View BuildLocked(TaskId id, Kept& kept) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CacheLocked(TaskId task, const View& view)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Reads what a kept task lacks.
  absl::Status Complete(TaskId task, const Digest& dataset)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Lease>> ReadBackups(TaskId task);
  absl::StatusOr<View> LoadEnded(TaskId task) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<View> ReadEnded(TaskId task);
  absl::Status SumUp(TaskId task, TaskView& view);
  absl::Status TakeStored(const SummaryRecord& stored, TaskView& view);

  Reader& reader_;
  const size_t cached_max_;
  absl::Mutex mutex_;
  absl::btree_map<TaskId, Kept> kept_ ABSL_GUARDED_BY(mutex_);
  // Kept ones that have ended since, and that nobody has asked for.
  absl::btree_set<TaskId> ended_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<TaskId, View> cache_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<TaskId, Loading> loads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_TASK_VIEWS_H_
