// SPDX-License-Identifier: Apache-2.0
// The token of a program that runs for long: its file is read again while the
// program runs, so that replacing the token stops nothing. Thread-safe.
#ifndef ARCHPOOL_COMMON_CHANNEL_TOKEN_HOLDER_H_
#define ARCHPOOL_COMMON_CHANNEL_TOKEN_HOLDER_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/countdown.h"

namespace archpool {

class TokenHolder {
 public:
  // `token` was read from the file `path` just now.
  TokenHolder(std::string path, std::string token)
      : path_(std::move(path)), token_(std::move(token)) {}

  // The token as the file has it; read once a second at most. Where the
  // file cannot be read, the token that it had.
  std::string Current() ABSL_LOCKS_EXCLUDED(mutex_);

  // The server said in how many seconds the token ends ("": it did not): warns,
  // once a day.
  void HearLeft(absl::string_view seconds) ABSL_LOCKS_EXCLUDED(mutex_);

  // The server said for how many milliseconds the account's pace held up an
  // answer ("": for none): warns, once an hour.
  void HearLate(absl::string_view milliseconds) ABSL_LOCKS_EXCLUDED(mutex_);

  // A refusal because the token is over (TOKEN_EXPIRED, TOKEN_REVOKED) is
  // logged once, and answered as UNAVAILABLE with the same reason: what is
  // tried again meanwhile works by itself once the file has another token.
  // Every other status is answered as it is.
  absl::Status Heard(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void ReadAgain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  absl::Mutex mutex_;
  std::string token_ ABSL_GUARDED_BY(mutex_);
  // Until it is read again.
  Countdown fresh_ ABSL_GUARDED_BY(mutex_){absl::Seconds(1)};
  bool end_said_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Countdown> left_said_ ABSL_GUARDED_BY(mutex_);
  std::optional<Countdown> late_said_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_TOKEN_HOLDER_H_
