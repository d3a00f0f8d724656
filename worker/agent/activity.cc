#include "worker/agent/activity.h"

#include <algorithm>

namespace archpool {

void Activity::Hold(LeaseId lease) {
  const absl::MutexLock lock(&mutex_);
  report_.leases = {lease};
  is_ended_ = false;
}

void Activity::Drop() {
  const absl::MutexLock lock(&mutex_);
  report_.leases.clear();
  is_ended_ = false;
}

void Activity::Train(TrialId trial) {
  const absl::MutexLock lock(&mutex_);
  report_.activity = "training";
  report_.trial = trial;
  report_.step = 0;
  report_.steps = 0;
}

void Activity::SetStep(int64_t step, int64_t steps) {
  const absl::MutexLock lock(&mutex_);
  report_.step = step;
  report_.steps = steps;
}

void Activity::Rest(const std::string& word) {
  const absl::MutexLock lock(&mutex_);
  report_.activity = word;
  report_.trial = TrialId();
  report_.step = 0;
  report_.steps = 0;
}

void Activity::End(const std::vector<LeaseId>& leases) {
  const absl::MutexLock lock(&mutex_);
  for (const LeaseId held : report_.leases) {
    if (std::find(leases.begin(), leases.end(), held) != leases.end()) {
      is_ended_ = true;
    }
  }
}

bool Activity::is_ended() const {
  const absl::MutexLock lock(&mutex_);
  return is_ended_;
}

HeartbeatReport Activity::Report() const {
  const absl::MutexLock lock(&mutex_);
  return report_;
}

}  // namespace archpool
