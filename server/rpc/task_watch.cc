// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/task_watch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/status_wire.h"
#include "server/rpc/call.h"

namespace archpool::rpc {

bool CanSee(const Account& caller, const Task& task) {
  return caller.role != Role::kClient || caller.id == task.client;
}

absl::Status TaskUnknown(TaskId task) {
  return NotFound("TASK_UNKNOWN", absl::StrCat("there is no ", task.ToString(),
                                               " that this account may see"));
}

absl::StatusOr<Task> TaskFor(const Account& caller, Reader& reader,
                             TaskId task) {
  absl::StatusOr<Task> found = reader.GetTask(task);
  if (absl::IsNotFound(found.status()) ||
      (found.ok() && !CanSee(caller, *found))) {
    return TaskUnknown(task);
  }
  return found;
}

absl::StatusOr<std::shared_ptr<const TaskView>> ViewFor(const Account& caller,
                                                        TaskViews& views,
                                                        TaskId task) {
  const absl::StatusOr<AccountId> client = views.ClientOf(task);
  if (!client.ok() && !absl::IsNotFound(client.status())) {
    return client.status();
  }
  if (!client.ok() || (caller.role == Role::kClient && caller.id != *client)) {
    return TaskUnknown(task);
  }
  return views.Get(task);
}

grpc::ServerWriteReactor<v1::WatchTaskResponse>* TaskWatch::Start(
    const WatchParts& parts, const WatchPace& pace, const Account& caller,
    std::function<absl::Status()> still_in, TaskId task) {
  const Self watch(
      new TaskWatch(parts, pace, caller, std::move(still_in), task));
  const std::weak_ptr<TaskWatch> weak = watch;
  watch->subscriber_ = parts.hub.Subscribe(task, caller.id, [weak] {
    if (const Self self = weak.lock()) self->OnChanged();
  });
  if (watch->subscriber_ == 0) {
    return new RefusedWrites<v1::WatchTaskResponse>(ResourceExhausted(
        "TOO_MANY_WATCHES",
        absl::StrCat("the server has as many watched tasks as it takes, or "
                     "this account has ",
                     kWatchesPerAccountMax,
                     ": ask with GetTask, or end another watch first")));
  }
  watch->self_ = watch;
  watch->BeginRead();
  return watch.get();
}

void TaskWatch::BeginRead() {
  {
    absl::MutexLock lock(&mutex_);
    is_waiting_ = false;
    is_dirty_ = false;
  }
  const absl::Status taken =
      parts_.executor.Run([self = self_] { self->Read(); });
  if (!taken.ok()) Finish(wire::ToGrpc(taken));
}

void TaskWatch::Read() {
  const absl::Status admitted = still_in_();
  if (!admitted.ok()) return Finish(wire::ToGrpc(admitted));
  const auto view = ViewFor(caller_, parts_.views, task_);
  if (!view.ok()) return Finish(wire::ToGrpc(view.status()));
  has_ended_ = IsEnded((*view)->task.state);
  *message_.mutable_task() = ToProto(**view, Names(parts_.accounts, caller_));
  StartWrite(&message_);
}

void TaskWatch::OnWriteDone(bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    if (ok && !has_ended_ && !is_cancelled_) {
      last_sent_ = std::chrono::steady_clock::now();
      WaitLocked(is_dirty_ ? Interval() : pace_.interval_max);
      return;
    }
  }
  Finish(ok && has_ended_ ? grpc::Status::OK : grpc::Status::CANCELLED);
}

absl::Duration TaskWatch::Interval() const {
  return std::max(
      pace_.interval_min,
      std::min(pace_.interval_max, parts_.hub.count() * pace_.interval_each));
}

void TaskWatch::WaitLocked(absl::Duration delay) {
  is_waiting_ = true;
  wake_ = parts_.timer.After(delay, [self = self_] { self->BeginRead(); });
}

void TaskWatch::OnChanged() {
  absl::MutexLock lock(&mutex_);
  if (is_dirty_) return;
  is_dirty_ = true;
  // Else the write that is under way looks at is_dirty_, or the read does.
  if (!is_waiting_ || !parts_.timer.Cancel(wake_)) return;
  const absl::Duration since =
      absl::FromChrono(std::chrono::steady_clock::now() - last_sent_);
  WaitLocked(std::max(Interval() - since, absl::ZeroDuration()));
}

void TaskWatch::OnCancel() {
  {
    absl::MutexLock lock(&mutex_);
    is_cancelled_ = true;
    // Else a read or a write is under way; it ends the stream.
    if (!is_waiting_ || !parts_.timer.Cancel(wake_)) return;
    is_waiting_ = false;
  }
  Finish(grpc::Status::CANCELLED);
}

void TaskWatch::OnDone() {
  parts_.hub.Unsubscribe(task_, subscriber_);
  const Self self(std::move(self_));
}

}  // namespace archpool::rpc
