// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/answer_pace.h"

#include <chrono>
#include <utility>

#include "absl/time/time.h"

namespace archpool::rpc {
namespace {

// A clock that nobody sets.
absl::Time Now() {
  return absl::UnixEpoch() +
         absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

bool CameToNothing(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

void AnswerPace::Send(AccountId account, bool came_to_nothing, Answer answer) {
  const int64_t sessions = sessions_.CountOf(account);
  bool is_late = false;
  {
    absl::MutexLock lock(&mutex_);
    const absl::Duration delay =
        pace_.Charge(account, came_to_nothing, sessions, Now());
    is_late = delay > absl::ZeroDuration() && !is_stopped_;
    if (is_late) {
      const int64_t id = ++last_id_;
      waiting_.emplace(id, Waiting{delay, std::move(answer)});
      timer_.After(delay, [this, id] { Release(id); });
    }
  }
  if (!is_late) {
    answer(absl::ZeroDuration());
  } else if (on_late_ != nullptr) {
    on_late_();
  }
}

void AnswerPace::Release(int64_t id) {
  Waiting due;
  {
    absl::MutexLock lock(&mutex_);
    const auto waiting = waiting_.find(id);
    if (waiting == waiting_.end()) return;
    due = std::move(waiting->second);
    waiting_.erase(waiting);
  }
  due.answer(due.late);
}

void AnswerPace::Stop() {
  absl::btree_map<int64_t, Waiting> waiting;
  {
    absl::MutexLock lock(&mutex_);
    is_stopped_ = true;
    waiting.swap(waiting_);
  }
  for (const auto& [id, due] : waiting) due.answer(due.late);
}

}  // namespace archpool::rpc
