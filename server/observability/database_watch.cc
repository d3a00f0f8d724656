// SPDX-License-Identifier: Apache-2.0
#include "server/observability/database_watch.h"

#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/log/log.h"

namespace archpool {
namespace {

constexpr absl::Duration kLookInterval = absl::Milliseconds(500);
// Commits take milliseconds; a checkpoint on a slow disk may hold one up.
constexpr absl::Duration kSilenceMin = absl::Seconds(3);
// The same words again only after this.
constexpr absl::Duration kRepeatInterval = absl::Seconds(30);

}  // namespace

DatabaseWatch::~DatabaseWatch() { Stop(); }

void DatabaseWatch::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!WaitOrStop(stop, kLookInterval)) Look(engine_.stats());
    Look(engine_.stats());
  });
}

void DatabaseWatch::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void DatabaseWatch::Look(const EngineStats& seen) {
  NoteSilence(seen);
  NoteFailures(seen);
}

void DatabaseWatch::NoteSilence(const EngineStats& seen) {
  metrics_.NoteDatabaseWait(seen.store_wait);
  const bool is_silent = seen.store_wait >= kSilenceMin;
  if (is_silent && !has_said_silence_) {
    LogWarn("database_silent",
            "the database has not answered for a while, and commands wait for "
            "it",
            "see what PostgreSQL, its disk and its synchronous standby do; "
            "nothing that was acknowledged is lost",
            {{"waited_s", seen.store_wait}});
  }
  if (!is_silent && has_said_silence_ && !seen.is_store_failing) {
    LogInfo("database_answers", "the database answers again");
  }
  has_said_silence_ = is_silent;
}

void DatabaseWatch::NoteFailures(const EngineStats& seen) {
  const bool has_failed = seen.commit_failures != failures_;
  metrics_.NoteDatabaseFailures(seen.commit_failures - failures_);
  metrics_.NoteDatabaseFailing(seen.is_store_failing);
  failures_ = seen.commit_failures;
  if (has_failed || seen.is_store_failing) {
    if (!failing_for_) failing_for_.emplace();
    // Another server is the writer: the program's end says so.
    if (!absl::IsAborted(seen.store_failure)) SayFailing(seen.store_failure);
  }
  if (failing_for_ && !seen.is_store_failing) {
    LogInfo("database_recovered",
            "the database takes commands again; what was acknowledged before "
            "is there",
            {{"away_s", failing_for_->elapsed()}});
    failing_for_.reset();
    said_reason_.clear();
  }
}

void DatabaseWatch::SayFailing(const absl::Status& failure) {
  const std::string reason = GetReason(failure);
  if (reason == said_reason_ && !until_repeated_.IsOver()) return;
  said_reason_ = reason;
  until_repeated_ = Countdown(kRepeatInterval);
  LogError("database_failing",
           "the database does not take commands; miners and clients are told "
           "to ask again, and the server keeps trying",
           "do what the error says; nothing that was acknowledged is lost",
           {{"error", failure}});
}

}  // namespace archpool
