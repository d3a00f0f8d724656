// SPDX-License-Identifier: Apache-2.0
#include "common/channel/handshake_notes.h"

#include <string>

#include "absl/strings/match.h"
#include "common/base/status.h"

namespace archpool {

void HandshakeNotes::NoteHandshake(const absl::Status& result) {
  absl::MutexLock lock(&mutex_);
  if (result.ok()) was_right_ = true;
  refusal_ = result;
}

void HandshakeNotes::NoteAnswer() {
  absl::MutexLock lock(&mutex_);
  was_right_ = true;
}

bool HandshakeNotes::WasRight() const {
  absl::MutexLock lock(&mutex_);
  return was_right_;
}

absl::Status HandshakeNotes::RefusalIn(absl::string_view words) const {
  absl::MutexLock lock(&mutex_);
  const std::string reason = GetReason(refusal_);
  if (refusal_.ok()) return absl::OkStatus();
  // Where there are several addresses, gRPC tells of one alone.
  if (was_right_ && !absl::StrContains(words, reason)) return absl::OkStatus();
  return Unavailable(reason, refusal_.message());
}

}  // namespace archpool
