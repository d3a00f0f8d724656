// SPDX-License-Identifier: Apache-2.0
// Which trainings were under way when this worker ended without a word, on
// disk: one that takes the machine's memory kills its worker at each start.
// Thread-safe; one process per directory (ClaimDirectory).
#ifndef ARCHPOOL_WORKER_AGENT_ATTEMPT_LOG_H_
#define ARCHPOOL_WORKER_AGENT_ATTEMPT_LOG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/crypto/sha256.h"

namespace archpool {

class AttemptLog {
 public:
  // What `path` holds; nothing where there is none, or it cannot be read.
  static std::unique_ptr<AttemptLog> Load(std::string path);

  // How often a training of this key has killed its worker without coming
  // further than it was.
  int64_t DeathsOf(const Digest& key) const ABSL_LOCKS_EXCLUDED(mutex_);
  // The training continues from `boundary`; a note of it is on disk when this
  // returns. The disk's errors.
  absl::Status Begin(const Digest& key, int64_t boundary)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // It ended, or is about to, in whatever way the worker can tell.
  absl::Status End(const Digest& key) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Attempts {
    int64_t boundary = 0;
    int64_t deaths = 0;
    bool is_under_way = false;
    int64_t order = 0;  // rises with each that begins
  };

  explicit AttemptLog(std::string path) : path_(std::move(path)) {}
  absl::Status Write() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  mutable absl::Mutex mutex_;
  std::map<Digest, Attempts> attempts_ ABSL_GUARDED_BY(mutex_);
};

// This many deaths, and the training is given back.
inline constexpr int64_t kDeathsMax = 2;

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_ATTEMPT_LOG_H_
