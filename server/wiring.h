// SPDX-License-Identifier: Apache-2.0
// Who hears of what the engine commits and loads, in which order: the one place
// where listeners meet the engine. Starts and stops the engine with them. One
// thread at a time.
//
//   Engine engine(...);
//   rpc::RpcServer server(...);
//   Wiring wiring({engine, server, ...}, {...});  // last: the first to go
//   wiring.StartEngine();
//   server.Open();
//   ...
//   wiring.Stop();
#ifndef ARCHPOOL_SERVER_WIRING_H_
#define ARCHPOOL_SERVER_WIRING_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "common/nas/search/search_policy.h"
#include "server/core/rules/policy.h"
#include "server/engine/checkpoint_cleaner.h"
#include "server/engine/engine.h"
#include "server/engine/executor.h"
#include "server/observability/audit_log.h"
#include "server/observability/clock_log.h"
#include "server/observability/metrics.h"
#include "server/rpc/rpc_server.h"
#include "server/search/search_runner.h"
#include "server/storage/checkpoint_blobs.h"
#include "server/storage/store.h"

namespace archpool {

// All outlive the wiring.
struct WiringParts {
  Engine& engine;
  rpc::RpcServer& server;
  Reader& reader;
  const CheckpointBlobs& checkpoints;
  Metrics& metrics;
};

struct WiringOptions {
  PoolPolicy policy;
  // What ranks candidates; none: the core draws at random.
  std::optional<SearchPolicySpec> search;
  // Beyond this part of the trainings' time audits are warned of.
  int64_t audit_budget_ppm = 50'000;
};

class Wiring {
 public:
  Wiring(const WiringParts& parts, const WiringOptions& options);
  ~Wiring();  // stops

  // Subscribes all, then Engine::Start, whose errors it has. Once.
  absl::Status StartEngine();

  // Stops the calls, while the engine can still answer them; then the engine;
  // then those who heard it, once they have done what they were told of.
  // Idempotent.
  void Stop();

 private:
  const WiringParts parts_;
  // Apart, so that no log of a large task keeps files on the disk.
  Executor drops_;
  Executor reports_;
  std::unique_ptr<SearchRunner> search_;  // nullptr: none
  AuditLog audit_log_;
  CheckpointCleaner cleaner_;
  ClockLog clock_log_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_WIRING_H_
