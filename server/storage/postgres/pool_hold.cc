// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/pool_hold.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "server/storage/postgres/pool_lock.h"
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/server_errors.h"
#include "server/storage/postgres/statement_watch.h"
#include "server/storage/postgres/writer_session.h"

namespace archpool {
namespace {

using postgres::Backend;
using postgres::WriterSession;

constexpr absl::Duration kLookInterval = absl::Milliseconds(500);
constexpr absl::Duration kReconnectPause = absl::Seconds(2);

absl::Status StoppedWaiting() {
  return Unavailable("STOPPED",
                     "stopped while another server had the database");
}

absl::Status HeldByAnother(const std::string& holder) {
  return FailedPrecondition(
      "DATABASE_HELD",
      absl::StrCat("another server has this database (", holder,
                   "): stop it first; nothing was changed"));
}

// One try after the other to become the one that has the lock.
class Taking {
 public:
  Taking(const std::string& connection_string, const PoolHoldOptions& options)
      : connection_string_(connection_string),
        options_(options),
        watch_(options.patience),
        wait_left_(options.wait_max) {}

  absl::StatusOr<std::unique_ptr<WriterSession>> Run() {
    while (true) {
      const absl::Status looked = Guarded([this] { return Look(); });
      if (looked.ok() && session_->has_lock) return std::move(session_);
      // While it waits, the database may be restarted under it.
      if (!looked.ok() && !(has_waited_ && absl::IsUnavailable(looked))) {
        return looked;
      }
      if (wait_left_.IsOver())
        return looked.ok() ? HeldByAnother(holder_) : looked;
      if (!looked.ok()) {
        session_ = nullptr;
        free_for_.reset();
      }
      if (WaitOrStop(options_.patience.stop,
                     looked.ok() ? kLookInterval : kReconnectPause)) {
        return StoppedWaiting();
      }
    }
  }

 private:
  template <typename Body>
  absl::Status Guarded(const Body& body) {
    bool was_cut = false;
    const absl::Status status = postgres::RunGuarded(
        [&]() -> absl::Status {
          was_cut_ = &was_cut;
          return body();
        },
        connection_string_);
    return postgres::NameSilence(status, was_cut);
  }

  postgres::StatementWatch::Guard Watched() {
    return {watch_, session_->connection->sock(),
            options_.patience.statement_max, was_cut_};
  }

  absl::Status Connect() {
    auto session = std::make_unique<WriterSession>();
    session->connection = postgres::Connect(connection_string_, watch_);
    const auto other = postgres::Connect(connection_string_, watch_);
    session_ = std::move(session);
    const auto guard = Watched();
    const postgres::StatementWatch::Guard other_guard(
        watch_, other->sock(), options_.patience.statement_max, was_cut_);
    ARCHPOOL_RETURN_IF_ERROR(
        postgres::CheckIsDirect(*session_->connection, *other));
    session_->backend = postgres::BackendOf(*session_->connection);
    return absl::OkStatus();
  }

  absl::Status Look() {
    if (session_ == nullptr) ARCHPOOL_RETURN_IF_ERROR(Connect());
    const auto guard = Watched();
    const std::optional<Backend> holder =
        postgres::PoolLockHolder(*session_->connection);
    if (!holder) {
      if (!free_for_) free_for_.emplace();
      if (!is_anothers_ || free_for_->elapsed() >= options_.free_min) {
        session_->has_lock = postgres::TryPoolLock(*session_->connection);
      }
      if (session_->has_lock || has_waited_) return absl::OkStatus();
    }
    // Held, or another one was faster just now.
    free_for_.reset();
    if (!held_for_) held_for_.emplace();
    is_anothers_ |= held_for_->elapsed() >= options_.held_min;
    holder_ = holder ? holder->ToString() : "it began just now";
    if (!std::exchange(has_waited_, true) && options_.on_wait) {
      options_.on_wait(holder_);
    }
    return absl::OkStatus();
  }

  const std::string& connection_string_;
  const PoolHoldOptions& options_;
  postgres::StatementWatch watch_;
  const Countdown wait_left_;
  std::unique_ptr<WriterSession> session_;
  bool* was_cut_ = nullptr;
  bool has_waited_ = false;
  bool is_anothers_ = false;  // a server's that works, that is
  std::optional<Stopwatch> held_for_;
  std::optional<Stopwatch> free_for_;
  std::string holder_;
};

}  // namespace

absl::StatusOr<PoolHold> PoolHold::Take(const std::string& connection_string,
                                        const PoolHoldOptions& options) {
  ARCHPOOL_RETURN_IF_ERROR(postgres::CheckConnectionString(connection_string));
  absl::StatusOr<std::unique_ptr<WriterSession>> taken =
      Taking(connection_string, options).Run();
  if (!taken.ok()) return postgres::AsSeenAtStart(taken.status());
  return PoolHold(connection_string, options.patience, *std::move(taken));
}

PoolHold::PoolHold(std::string connection_string, const Patience& patience,
                   std::unique_ptr<WriterSession> session)
    : connection_string_(std::move(connection_string)),
      patience_(patience),
      session_(std::move(session)) {}
PoolHold::PoolHold(PoolHold&&) noexcept = default;
PoolHold& PoolHold::operator=(PoolHold&&) noexcept = default;
PoolHold::~PoolHold() = default;

}  // namespace archpool
