// SPDX-License-Identifier: Apache-2.0
// What a worker does, as its heartbeats say it. Constants; thread-safe.
#ifndef ARCHPOOL_COMMON_MODEL_WORKER_ACTIVITY_H_
#define ARCHPOOL_COMMON_MODEL_WORKER_ACTIVITY_H_

#include "common/base/words.h"

namespace archpool {

enum class WorkerActivity {
  kTraining,
  kWaiting,    // has no work, and asks for some
  kUploading,  // sends files of what it has reported
};
template <>
inline constexpr const char* kWordsOf<WorkerActivity>[] = {
    "training", "waiting", "uploading"};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_WORKER_ACTIVITY_H_
