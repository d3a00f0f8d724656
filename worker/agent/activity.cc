// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/activity.h"

namespace archpool {

void Activity::Train(TrialId trial) {
  const absl::MutexLock lock(&mutex_);
  report_.activity = WorkerActivity::kTraining;
  report_.trial = trial;
  report_.step = 0;
  report_.steps = 0;
}

void Activity::SetStep(int64_t step, int64_t steps) {
  const absl::MutexLock lock(&mutex_);
  report_.step = step;
  report_.steps = steps;
}

void Activity::Rest(WorkerActivity activity) {
  const absl::MutexLock lock(&mutex_);
  report_.activity = activity;
  report_.trial = TrialId();
  report_.step = 0;
  report_.steps = 0;
}

HeartbeatReport Activity::Report() const {
  const absl::MutexLock lock(&mutex_);
  return report_;
}

}  // namespace archpool
