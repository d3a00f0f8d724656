// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/lanes.h"

#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "common/log/log_label.h"
#include "common/wire/request_limits.h"
#include "worker/agent/agent.h"
#include "worker/agent/lane_store.h"

namespace archpool {

struct Lanes::Lane {
  Lane(LaneStore opened, const Shared& shared, WorkerIdentity identity,
       int64_t checkpoint_bytes_max, const AgentOptions& options)
      : store(std::move(opened)),
        client(shared.remote, shared.bulk, std::move(identity),
               shared.last_calls),
        agent(std::make_unique<Agent>(client, shared.trainer, shared.data,
                                      shared.rung_weights, *store.vault,
                                      *store.journal, *store.attempts,
                                      shared.places, options)) {
    client.SetCheckpointsBytes(checkpoint_bytes_max);
  }

  LaneStore store;
  GrpcWorkClient client;
  std::unique_ptr<Agent> agent;  // goes when it has run
  absl::Status ended;            // the thread's, until that is joined
  std::jthread thread;           // last: it uses all of the above
};

Lanes::Lanes(Shared shared, WorkerIdentity whole, std::stop_source quit)
    : shared_(std::move(shared)),
      whole_(std::move(whole)),
      quit_(std::move(quit)) {}

Lanes::~Lanes() = default;

absl::Status Lanes::StartFirst() {
  return Start(1, whole_, shared_.checkpoint_bytes_max,
               /*only_finishes=*/false);
}

absl::Status Lanes::StartOthers(const LanePlan& plan) {
  WorkerIdentity part = whole_;
  part.threads = plan.threads;
  part.memory_bytes = plan.memory_bytes;
  const std::vector<int64_t> left = LanesLeft(shared_.work_dir, plan.lanes);
  const int64_t checkpoint_bytes =
      shared_.checkpoint_bytes_max / (plan.lanes + std::ssize(left));
  lanes_.front()->store.vault->SetBytesMax(checkpoint_bytes);
  lanes_.front()->client.SetCheckpointsBytes(checkpoint_bytes);
  for (int64_t number = 2; number <= plan.lanes; ++number) {
    part.name = LaneName(whole_.name, number);
    ARCHPOOL_RETURN_IF_ERROR(
        Start(number, part, checkpoint_bytes, /*only_finishes=*/false));
  }
  // What a lane holds is handed out to it before anybody asks for its price,
  // and nothing pays as much as this.
  part.price_min = limits::kAmount.max;
  for (const int64_t number : left) {
    part.name = LaneName(whole_.name, number);
    LogInfo("lane_finishes",
            "a lane of an earlier start finishes the trials that were left in "
            "it, and takes no new work",
            {{"lane", number}});
    ARCHPOOL_RETURN_IF_ERROR(
        Start(number, part, checkpoint_bytes, /*only_finishes=*/true));
  }
  return absl::OkStatus();
}

absl::Status Lanes::Start(int64_t number, WorkerIdentity identity,
                          int64_t checkpoint_bytes_max, bool only_finishes) {
  // The label holds for the threads, too, that the agent begins here.
  const bool is_labelled = shared_.are_labelled || number > 1;
  const LogLabel label(is_labelled ? absl::StrCat("lane ", number, ": ") : "");
  ARCHPOOL_ASSIGN_OR_RETURN(
      LaneStore store,
      OpenLaneStore(LaneDirectory(shared_.work_dir, number), identity.name,
                    identity.arithmetic, checkpoint_bytes_max));
  AgentOptions options;
  options.only_finishes = only_finishes;
  Lane& lane = *lanes_.emplace_back(
      std::make_unique<Lane>(std::move(store), shared_, std::move(identity),
                             checkpoint_bytes_max, options));
  lane.thread = std::jthread([this, &lane, label = LogLabel::Current()] {
    const LogLabel own(label);
    Run(lane);
  });
  return absl::OkStatus();
}

void Lanes::Run(Lane& lane) {
  lane.ended = lane.agent->Run(shared_.stop);
  // To the pool a lane that asked on would be one that is there.
  lane.agent.reset();
  if (lane.ended.ok()) return;
  // What the pool refuses one lane it refuses them all.
  if (!LogLabel::Current().empty()) {
    LogError("lane_failed", "a lane failed, and the worker ends",
             "do what the error says and start the worker again",
             {{"error", lane.ended}});
  }
  quit_.request_stop();
}

absl::Status Lanes::Join() {
  absl::Status first;
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    lane->thread.join();
    first.Update(lane->ended);
  }
  return first;
}

}  // namespace archpool
