// SPDX-License-Identifier: Apache-2.0
// Tasks summed up for reading, from committed records. Sums are kept until
// their task changes. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_TASK_VIEWS_H_
#define ARCHPOOL_SERVER_RPC_TASK_VIEWS_H_

#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/model/ids.h"
#include "server/rpc/records_to_proto.h"
#include "server/storage/store.h"

namespace archpool::rpc {

class TaskViews {
 public:
  // Keeps at most `cached_max` sums. `reader` outlives this.
  TaskViews(Reader& reader, size_t cached_max)
      : reader_(reader), cached_max_(cached_max) {}

  // Blocks on the database. NOT_FOUND (TASK_UNKNOWN); the reader's errors.
  absl::StatusOr<std::shared_ptr<const TaskView>> Get(TaskId task)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The task's records have changed.
  void Touch(TaskId task) ABSL_LOCKS_EXCLUDED(mutex_);
  // Those of any task may have.
  void TouchAll() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Loads under way: a sum that a change overtook is handed out, not kept.
  struct Load {
    int64_t readers = 0;
    bool is_stale = false;
  };
  absl::StatusOr<std::shared_ptr<const TaskView>> Read(TaskId task);

  Reader& reader_;
  const size_t cached_max_;
  absl::Mutex mutex_;
  absl::btree_map<TaskId, std::shared_ptr<const TaskView>> cache_
      ABSL_GUARDED_BY(mutex_);
  absl::btree_map<TaskId, Load> loads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_TASK_VIEWS_H_
