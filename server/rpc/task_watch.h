// SPDX-License-Identifier: Apache-2.0
// One WatchTask stream: sends the task whenever it changes, at most twice a
// second (less often where many watch) and at least every ten seconds, until it
// has ended or the client hangs up. Owns itself. Thread-safe: it reads on an
// executor's thread, is woken on the timer's or a listener's, and is told of
// writes and hang-ups on gRPC's.
#ifndef ARCHPOOL_SERVER_RPC_TASK_WATCH_H_
#define ARCHPOOL_SERVER_RPC_TASK_WATCH_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "archpool/v1/task.pb.h"
#include "grpcpp/grpcpp.h"
#include "server/engine/executor.h"
#include "server/rpc/records_to_proto.h"
#include "server/rpc/task_hub.h"
#include "server/rpc/task_views.h"
#include "server/rpc/timer.h"
#include "server/storage/store.h"

namespace archpool::rpc {

// What a watch works with; all outlive it.
struct WatchParts {
  Executor& executor;
  Timer& timer;
  TaskViews& views;
  TaskHub& hub;
  const AccountDirectory& accounts;
};

struct WatchPace {
  absl::Duration interval_min = absl::Milliseconds(500);
  // What each watch that is open adds to all of them: at two milliseconds all
  // together send 500 messages a second, however many there are.
  absl::Duration interval_each = absl::Milliseconds(2);
  absl::Duration interval_max = absl::Seconds(10);
};

class TaskWatch : public grpc::ServerWriteReactor<v1::WatchTaskResponse> {
 public:
  // Ends with the error of `still_in`, which is asked before each message;
  // NOT_FOUND (TASK_UNKNOWN) where `caller` may not see the task, and
  // with RESOURCE_EXHAUSTED (TOO_MANY_WATCHES).
  static grpc::ServerWriteReactor<v1::WatchTaskResponse>* Start(
      const WatchParts& parts, const WatchPace& pace, const Account& caller,
      std::function<absl::Status()> still_in, TaskId task);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  using Self = std::shared_ptr<TaskWatch>;

  TaskWatch(const WatchParts& parts, const WatchPace& pace,
            const Account& caller, std::function<absl::Status()> still_in,
            TaskId task)
      : parts_(parts),
        pace_(pace),
        caller_(caller),
        still_in_(std::move(still_in)),
        task_(task) {}

  // Steps: wait, read, write, wait, ... One at a time.
  void WaitLocked(absl::Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void BeginRead() ABSL_LOCKS_EXCLUDED(mutex_);
  void Read() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnChanged() ABSL_LOCKS_EXCLUDED(mutex_);
  // From one message to the next, while the task changes.
  absl::Duration Interval() const;

  const WatchParts parts_;
  const WatchPace pace_;
  const Account caller_;
  const std::function<absl::Status()> still_in_;
  const TaskId task_;
  int64_t subscriber_ = 0;
  // Written by Read, read by gRPC until OnWriteDone.
  v1::WatchTaskResponse message_;
  bool has_ended_ = false;

  absl::Mutex mutex_;
  bool is_waiting_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_dirty_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point last_sent_ ABSL_GUARDED_BY(mutex_);
  Timer::Entry wake_ ABSL_GUARDED_BY(mutex_);
  Self self_;
};

// Clients see their own tasks, operators and miners all.
bool CanSee(const Account& caller, const Task& task);
// The same of a task that there is and of one that there is not.
absl::Status TaskUnknown(TaskId task);
// NOT_FOUND (TASK_UNKNOWN): there is none, or the caller does not see it.
// Blocks on the database.
absl::StatusOr<Task> TaskFor(const Account& caller, Reader& reader,
                             TaskId task);
// The task, summed up. NOT_FOUND (TASK_UNKNOWN), before anything is summed up:
// there is none, or the caller does not see it. Blocks on the database.
absl::StatusOr<std::shared_ptr<const TaskView>> ViewFor(const Account& caller,
                                                        TaskViews& views,
                                                        TaskId task);

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_TASK_WATCH_H_
