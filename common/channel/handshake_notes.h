// SPDX-License-Identifier: Apache-2.0
// What the handshakes of one connection came to: gRPC knows only that a server
// "cannot be reached". Thread-safe.
#ifndef ARCHPOOL_COMMON_CHANNEL_HANDSHAKE_NOTES_H_
#define ARCHPOOL_COMMON_CHANNEL_HANDSHAKE_NOTES_H_

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace archpool {

class HandshakeNotes {
 public:
  // A handshake ended; `result` is why the server was not taken for the right
  // one, if so.
  void NoteHandshake(const absl::Status& result) ABSL_LOCKS_EXCLUDED(mutex_);
  // A call was answered: the way to the server is right.
  void NoteAnswer() ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether a call was answered or a handshake succeeded.
  bool WasRight() const ABSL_LOCKS_EXCLUDED(mutex_);

  // The last refusal, as UNAVAILABLE: the right server has decided nothing. Of
  // a server that was right before, only if gRPC's `words` are about it (they
  // hold its reason). Else OK.
  absl::Status RefusalIn(absl::string_view words) const
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  bool was_right_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_HANDSHAKE_NOTES_H_
