// SPDX-License-Identifier: Apache-2.0
// The lanes of one worker program: each an agent of its own, with a session,
// leases and a store of its own, on a thread of its own. They share the
// connection, the account, the key, the datasets and the machine. Not
// thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_LANES_H_
#define ARCHPOOL_WORKER_AGENT_LANES_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/channel/remote.h"
#include "worker/agent/grpc_work_client.h"
#include "worker/agent/places.h"
#include "worker/agent/rung_weights_cache.h"
#include "worker/agent/training_data.h"
#include "worker/train/lane_plan.h"
#include "worker/train/trainer.h"

namespace archpool {

class Lanes {
 public:
  // All outlive the lanes.
  struct Shared {
    const Remote& remote;
    const Remote& bulk;
    Trainer& trainer;
    TrainingDataCache& data;
    RungWeightsCache& rung_weights;
    Places& places;
    std::string work_dir;
    int64_t checkpoint_bytes_max = 0;  // of all lanes together
    bool are_labelled = false;         // in the log
    std::stop_token stop;              // ends all lanes
    std::stop_token last_calls;        // and cuts them off
  };

  // `whole`: the worker as it would be with one lane. A lane that fails
  // requests `quit`, which must reach Shared::stop.
  Lanes(Shared shared, WorkerIdentity whole, std::stop_source quit);
  // Waits for all lanes.
  ~Lanes();

  // Begins the first lane, which has the whole machine for what needs it. The
  // disk's errors.
  absl::Status StartFirst();
  // Begins the others of the plan, and those that an earlier start left
  // something in, which take no new work. Called once.
  absl::Status StartOthers(const LanePlan& plan);
  // Waits until all have ended; the error of the first that failed.
  absl::Status Join();

 private:
  struct Lane;

  absl::Status Start(int64_t number, WorkerIdentity identity,
                     int64_t checkpoint_bytes_max, bool only_finishes);
  void Run(Lane& lane);

  const Shared shared_;
  const WorkerIdentity whole_;
  std::stop_source quit_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_LANES_H_
