// SPDX-License-Identifier: Apache-2.0
#include "common/channel/token_holder.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "common/base/status.h"
#include "common/channel/token_file.h"
#include "common/log/log.h"

namespace archpool {
namespace {

constexpr absl::Duration kLookInterval = absl::Seconds(1);
constexpr absl::Duration kWarnInterval = absl::Hours(24);
constexpr absl::Duration kLateInterval = absl::Hours(1);

}  // namespace

std::string TokenHolder::Current() {
  const absl::MutexLock lock(&mutex_);
  if (fresh_.IsOver()) ReadAgain();
  return token_;
}

void TokenHolder::ReadAgain() {
  fresh_ = Countdown(kLookInterval);
  absl::StatusOr<std::string> read = ReadTokenFile(path_);
  // It is being written, or its disk is away: the next look tells.
  if (!read.ok() || *read == token_) return;
  token_ = *std::move(read);
  end_said_ = false;
  left_said_.reset();
  LogInfo("token_read", "the token file has another token, which is used now",
          {{"file", path_}});
}

void TokenHolder::HearLeft(absl::string_view seconds) {
  int64_t left = 0;
  if (!absl::SimpleAtoi(seconds, &left) || left < 0) return;
  const absl::MutexLock lock(&mutex_);
  if (left_said_ && !left_said_->IsOver()) return;
  left_said_ = Countdown(kWarnInterval);
  LogWarn("token_ends_soon", "the pool says that this program's token ends",
          "make another one (archpool account token rotate) and put it into "
          "the token file before then; the program reads it by itself",
          {{"file", path_}, {"left_s", absl::Seconds(left)}});
}

void TokenHolder::HearLate(absl::string_view milliseconds) {
  int64_t late = 0;
  if (!absl::SimpleAtoi(milliseconds, &late) || late < 0) return;
  const absl::MutexLock lock(&mutex_);
  if (late_said_ && !late_said_->IsOver()) return;
  late_said_ = Countdown(kLateInterval);
  LogWarn("answers_late",
          "the pool answers later, since the programs of this account call "
          "more often than it answers at once, or make calls that it must "
          "refuse",
          "see what this account's programs are refused: archpool explain "
          "tells of workers; nothing is lost meanwhile",
          {{"file", path_}, {"late_s", absl::Milliseconds(late)}});
}

absl::Status TokenHolder::Heard(const absl::Status& status) {
  const std::string reason = GetReason(status);
  if (!absl::IsUnauthenticated(status) ||
      (reason != "TOKEN_EXPIRED" && reason != "TOKEN_REVOKED")) {
    return status;
  }
  {
    const absl::MutexLock lock(&mutex_);
    if (!end_said_) {
      end_said_ = true;
      LogError("token_ended",
               "the pool takes this program's token no more; its work is kept "
               "and it continues once the token file has another one",
               "put a token that is in force into the token file: archpool "
               "account token create makes one",
               {{"file", path_}, {"error", status}});
    }
  }
  return MakeError(absl::StatusCode::kUnavailable, reason,
                   std::string(status.message()));
}

}  // namespace archpool
